-- The chunks of the next version have the terms of those of the one in use, under the same ids.
INSERT INTO {corpus}.chunk_terms (chunk_id, length, terms)
SELECT used.chunk_id, used.length, used.terms
FROM {used}.chunk_terms used JOIN {corpus}.chunks c ON c.id = used.chunk_id
LEFT JOIN {corpus}.chunk_terms here ON here.chunk_id = used.chunk_id
WHERE (here.length, here.terms) IS DISTINCT FROM (used.length, used.terms)
ON CONFLICT (chunk_id) DO UPDATE SET length = EXCLUDED.length, terms = EXCLUDED.terms
