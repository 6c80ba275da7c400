-- These rows have the vector of their documents' text.
INSERT INTO filled_rows (document_id, content_hash, token_count)
SELECT d.id, d.content_hash, sum(c.token_count)
FROM documents d JOIN chunks c ON c.document_id = d.id AND NOT c.superseded
WHERE d.id = ANY(%(document_ids)s) GROUP BY d.id
ON CONFLICT (document_id) DO UPDATE SET content_hash = EXCLUDED.content_hash, token_count = EXCLUDED.token_count
