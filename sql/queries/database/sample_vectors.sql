-- Rows with a vector, by chance.
SELECT ctid
FROM {table} TABLESAMPLE BERNOULLI ({percent})
WHERE {column} IS NOT NULL
ORDER BY random()
LIMIT %(limit)s
