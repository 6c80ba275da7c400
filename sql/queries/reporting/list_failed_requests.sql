-- What failed, with the provider's words, in each document that it stands in; and whether what was there before is still found
-- instead. With it, rows of the user's own that do not take their vector.
SELECT r.chunk_id, d.uri, c.ordinal, r.attempts::int, coalesce(r.error_code, ''), coalesce(r.error_message, ''),
       EXISTS (SELECT FROM {corpus}.chunks old WHERE old.document_id = d.id AND old.superseded)
       OR EXISTS (SELECT FROM {corpus}.filled_rows f WHERE f.document_id = d.id AND f.content_hash <> d.content_hash)
FROM {corpus}.requests r
JOIN LATERAL (SELECT document_id, min(ordinal) AS ordinal FROM {corpus}.chunks
              WHERE text_hash = r.text_hash AND NOT superseded GROUP BY document_id LIMIT %(limit)s) c ON true
JOIN {corpus}.documents d ON d.id = c.document_id
WHERE r.failed
UNION ALL
SELECT coalesce((SELECT min(id) FROM {corpus}.chunks WHERE document_id = d.id), 0), d.uri, 0, 0, u.code, u.reason,
       EXISTS (SELECT FROM {corpus}.filled_rows f WHERE f.document_id = d.id)
FROM {corpus}.unfilled_rows u JOIN {corpus}.documents d ON d.id = u.document_id
ORDER BY 2, 3 LIMIT %(limit)s
