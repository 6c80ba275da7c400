-- What the document no longer has, and was never searchable, goes at once.
DELETE FROM {corpus}.chunks
WHERE document_id = ANY(%(document_ids)s) AND embedding IS NULL
  AND id NOT IN (SELECT chunk_id FROM pg_temp.staged_chunks WHERE chunk_id IS NOT NULL)
