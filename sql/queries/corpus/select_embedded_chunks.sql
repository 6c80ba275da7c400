-- The passages that have their vectors, with their documents' URIs, in the order in which they came.
SELECT c.id, d.uri, c.ordinal, c.content, c.headings, c.token_count, c.table_header, c.first_page, c.last_page,
       c.embedding
FROM {corpus}.chunks c JOIN {corpus}.documents d ON d.id = c.document_id
WHERE c.embedding IS NOT NULL
ORDER BY c.id
