-- How much waits, and still has a chunk that wants it.
SELECT count(*), coalesce(sum(token_count), 0)::bigint FROM {corpus}.requests
WHERE batch_id IS NULL AND NOT failed
  AND EXISTS (SELECT FROM {corpus}.chunks WHERE chunks.text_hash = requests.text_hash)
