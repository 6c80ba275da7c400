-- Those of these requests that wait again or failed, and whose text no chunk has any more.
DELETE FROM {corpus}.requests
WHERE chunk_id = ANY(%(chunk_ids)s) AND batch_id IS NULL
  AND NOT EXISTS (SELECT FROM {corpus}.chunks WHERE chunks.text_hash = requests.text_hash)
