-- What documents have in the fields that are columns of chunks.
UPDATE {corpus}.documents SET filter_values = u.filter_values
FROM unnest(%(ids)s::bigint[], %(filter_values)s::jsonb[]) AS u(id, filter_values)
WHERE documents.id = u.id AND documents.filter_values IS DISTINCT FROM u.filter_values
