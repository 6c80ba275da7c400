-- The chunks nearest to a vector by cosine distance, with their documents.
SELECT 1 - (c.embedding <=> %(embedding)s), d.uri, d.title, c.headings, c.ordinal, c.content
FROM chunks c JOIN documents d ON d.id = c.document_id
WHERE c.embedding IS NOT NULL
ORDER BY c.embedding <=> %(embedding)s
LIMIT %(limit)s
