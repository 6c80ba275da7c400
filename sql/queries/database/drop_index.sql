-- Make room for the index to be built anew.
DROP INDEX CONCURRENTLY IF EXISTS {name}
