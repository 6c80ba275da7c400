-- The terms of these chunks: of those that are still there and have none.
INSERT INTO {corpus}.chunk_terms (chunk_id, length, terms)
SELECT c.id, s.length, s.terms::int4[]
FROM unnest(%(ids)s::int8[], %(lengths)s::int4[], %(terms)s::text[]) AS s (id, length, terms)
JOIN {corpus}.chunks c ON c.id = s.id
ON CONFLICT (chunk_id) DO NOTHING
