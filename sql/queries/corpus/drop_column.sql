-- The column of a version that is dropped, its indexes with it; not what else reads it, which stops this.
ALTER TABLE {table} DROP COLUMN IF EXISTS {column}
