-- The values of a filter that more than so many passages with a vector have: the most first.
SELECT c.{column}, pg_catalog.count(*)
FROM {corpus}.chunks c
WHERE c.{column} IS NOT NULL AND c.embedding IS NOT NULL
GROUP BY c.{column}
HAVING pg_catalog.count(*) > {few}
ORDER BY 2 DESC, 1
