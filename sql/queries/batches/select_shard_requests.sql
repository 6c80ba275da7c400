-- What a batch's shard file holds, line by line.
SELECT r.chunk_id, r.text_hash, r.token_count, c.content, c.headings, c.context_headings, c.table_header
FROM {corpus}.requests r
CROSS JOIN LATERAL (SELECT content, headings, context_headings, table_header FROM {corpus}.chunks
                    WHERE chunks.text_hash = r.text_hash LIMIT 1) c
WHERE r.batch_id = %(batch_id)s
ORDER BY r.chunk_id
