-- The passages that have their vectors, with their documents' URIs, in the order in which they came.
SELECT c.id, d.uri, c.ordinal, c.content, c.headings, c.token_count, c.table_header, c.first_page, c.last_page,
       CASE WHEN NOT c.superseded THEN d.first_lines[c.ordinal + 1] END AS first_line,
       CASE WHEN NOT c.superseded THEN d.last_lines[c.ordinal + 1] END AS last_line,
       c.embedding
FROM {corpus}.chunks c JOIN {corpus}.documents d ON d.id = c.document_id
WHERE c.embedding IS NOT NULL
ORDER BY c.id
