-- Superseded chunks whose replacements have their vectors, but for those whose text the provider does not take.
DELETE FROM {corpus}.chunks old
WHERE old.superseded
  AND NOT EXISTS (
      SELECT FROM {corpus}.chunks pending
      WHERE pending.document_id = old.document_id AND NOT pending.superseded AND pending.embedding IS NULL
        AND NOT EXISTS (
            SELECT FROM {corpus}.requests r WHERE r.text_hash = pending.text_hash AND r.failed AND r.refused))
