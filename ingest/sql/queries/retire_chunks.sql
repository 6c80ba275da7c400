-- Superseded chunks go when every replacement has its vector, or has failed for good.
DELETE FROM chunks old
WHERE old.superseded AND old.document_id = ANY(%(document_ids)s)
  AND NOT EXISTS (
      SELECT FROM chunks pending
      WHERE pending.document_id = old.document_id AND NOT pending.superseded AND pending.embedding IS NULL
        AND NOT EXISTS (SELECT FROM requests WHERE requests.text_hash = pending.text_hash AND requests.failed))
