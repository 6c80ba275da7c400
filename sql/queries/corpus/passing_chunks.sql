-- All passages that pass a filter, where they are few; else none: their ids.
SELECT found.id
FROM (
    SELECT each.id, count(*) OVER () AS passing FROM (SELECT c.id FROM {chunks} c WHERE {wanted} LIMIT {few} + 1) each
) found
WHERE found.passing <= {few}
