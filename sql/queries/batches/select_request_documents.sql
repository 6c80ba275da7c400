-- The documents that wait for these records.
SELECT DISTINCT c.document_id FROM {corpus}.requests r JOIN {corpus}.chunks c ON c.text_hash = r.text_hash
WHERE r.chunk_id = ANY(%(chunk_ids)s)
