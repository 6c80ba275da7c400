-- One request for each text that has no vector and no request yet.
INSERT INTO {corpus}.requests (chunk_id, text_hash, token_count)
SELECT DISTINCT ON (text_hash) id, text_hash, token_count
FROM {corpus}.chunks WHERE document_id = ANY(%(document_ids)s) AND embedding IS NULL
ORDER BY text_hash, id
ON CONFLICT (text_hash) DO NOTHING
RETURNING token_count
