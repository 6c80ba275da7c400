-- What the document no longer has stays searchable until its replacements have vectors.
UPDATE {corpus}.chunks SET superseded = true
WHERE document_id = ANY(%(document_ids)s) AND NOT superseded AND embedding IS NOT NULL
  AND id NOT IN (SELECT chunk_id FROM pg_temp.staged_chunks WHERE chunk_id IS NOT NULL)
