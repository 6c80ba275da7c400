-- How many of the new chunks are over the limit.
SELECT count(*) FROM pg_temp.staged_chunks WHERE chunk_id IS NULL AND token_count > %(max_tokens)s
