-- These rows have the vector of their documents' text; looked for once more, as a view or a trigger may say so and keep none.
INSERT INTO {corpus}.filled_rows (document_id, content_hash, token_count)
SELECT d.id, d.content_hash, pg_catalog.sum(c.token_count)
FROM {corpus}.documents d
JOIN {corpus}.chunks c ON c.document_id OPERATOR(pg_catalog.=) d.id AND NOT c.superseded
WHERE d.id OPERATOR(pg_catalog.=) ANY(%(document_ids)s)
  AND EXISTS (SELECT FROM {table} AS t
              WHERE {row_of_d}
                AND t.{column} IS NOT NULL)
GROUP BY d.id
ON CONFLICT (document_id) DO UPDATE SET content_hash = EXCLUDED.content_hash, token_count = EXCLUDED.token_count
RETURNING document_id
