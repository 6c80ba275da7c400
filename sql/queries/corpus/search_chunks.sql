-- The chunks nearest to a vector, with their documents and their distances.
SELECT c.embedding OPERATOR({vector}.{operator}) {embedding} AS distance, d.uri, d.title,
       c.headings, c.ordinal, c.content, c.table_header
FROM {chunks} c JOIN {documents} d ON d.id = c.document_id
WHERE {wanted}
ORDER BY c.embedding OPERATOR({vector}.{operator}) {embedding}
LIMIT {limit}
