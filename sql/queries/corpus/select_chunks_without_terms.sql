-- The next chunks that have no terms, with the parts of the text that is embedded.
SELECT c.id, c.document_id, c.headings, c.context_headings, c.content, c.table_header
FROM {corpus}.chunks c
WHERE c.id > %(after)s AND NOT EXISTS (SELECT FROM {corpus}.chunk_terms t WHERE t.chunk_id = c.id)
ORDER BY c.id LIMIT %(limit)s
