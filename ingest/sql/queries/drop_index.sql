-- Make room for the index to be built anew.
DROP INDEX IF EXISTS {name}
