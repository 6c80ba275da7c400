-- An index that another one replaced goes without making a reader wait.
DROP INDEX CONCURRENTLY IF EXISTS {name}
