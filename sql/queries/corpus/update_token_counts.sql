-- The tokens of these chunks, as their model counts them.
UPDATE {corpus}.chunks SET token_count = u.token_count
FROM unnest(%(ids)s::bigint[], %(counts)s::int[]) AS u(id, token_count) WHERE chunks.id = u.id
