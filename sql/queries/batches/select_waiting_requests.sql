-- The requests that wait and may go now, in the order of their chunks, each with its text from any chunk that has it.
SELECT r.chunk_id, r.text_hash, r.token_count, c.content, c.headings, c.context_headings, c.table_header
FROM {corpus}.requests r
CROSS JOIN LATERAL (SELECT content, headings, context_headings, table_header FROM {corpus}.chunks
                    WHERE chunks.text_hash = r.text_hash LIMIT 1) c
WHERE r.batch_id IS NULL AND NOT r.failed AND (r.not_before IS NULL OR r.not_before <= now())
ORDER BY r.batch_id, r.chunk_id -- batch_id is null: as the index has them, which is not to be sorted for each shard
