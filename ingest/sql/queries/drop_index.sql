-- Make room for the index to be built anew.
DROP INDEX {concurrently} IF EXISTS {name}
