-- One request for each text that has no vector and none on the way.
INSERT INTO requests (chunk_id, text_hash, token_count)
SELECT DISTINCT ON (text_hash) id, text_hash, token_count FROM chunks WHERE embedding IS NULL
ORDER BY text_hash, id
ON CONFLICT (text_hash) DO NOTHING
