-- The terms of a group's chunks, where they have none.
INSERT INTO {corpus}.chunk_terms (chunk_id, length, terms)
SELECT c.id, s.term_count, s.terms
FROM pg_temp.staged_chunks s
JOIN {corpus}.chunks c ON c.document_id = s.document_id AND c.ordinal = s.ordinal AND NOT c.superseded
WHERE s.terms IS NOT NULL AND c.document_id = ANY(%(document_ids)s)
ON CONFLICT (chunk_id) DO NOTHING
