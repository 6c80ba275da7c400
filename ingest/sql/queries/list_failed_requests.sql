-- What failed, with the provider's words and where it stands.
SELECT r.chunk_id, d.uri, c.ordinal, r.attempts, coalesce(r.error_code, ''), coalesce(r.error_message, '')
FROM requests r
JOIN LATERAL (SELECT document_id, ordinal FROM chunks WHERE text_hash = r.text_hash LIMIT 1) c ON true
JOIN documents d ON d.id = c.document_id
WHERE r.failed ORDER BY d.uri, c.ordinal LIMIT %(limit)s
