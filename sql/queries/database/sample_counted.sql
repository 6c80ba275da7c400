-- Passages drawn by the hashes of their texts, the same ones each time, with their tokens by our count.
SELECT content, headings, context_headings, table_header, token_count
FROM {corpus}.chunks WHERE NOT superseded ORDER BY text_hash, id LIMIT %(limit)s
