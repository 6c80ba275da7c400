-- What a corpus was made of: each source with its documents, passages and tokens, and when one of it changed last.
SELECT d.source, count(*), coalesce(sum(c.passages), 0)::bigint, coalesce(sum(c.tokens), 0)::bigint, max(d.updated_at)
FROM {corpus}.documents d
LEFT JOIN (SELECT document_id, count(*) AS passages, sum(token_count) AS tokens
           FROM {corpus}.chunks WHERE NOT superseded GROUP BY document_id) c ON c.document_id = d.id
GROUP BY d.source ORDER BY d.source
