-- Make room for vectors of another type, while there are none.
ALTER TABLE {corpus}.chunks DROP COLUMN IF EXISTS embedding
