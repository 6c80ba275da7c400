-- Superseded chunks go when every replacement has its vector.
DELETE FROM {corpus}.chunks old
WHERE old.superseded AND old.document_id = ANY(%(document_ids)s)
  AND NOT EXISTS (
      SELECT FROM {corpus}.chunks pending
      WHERE pending.document_id = old.document_id AND NOT pending.superseded AND pending.embedding IS NULL)
