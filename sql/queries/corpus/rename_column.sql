-- One column takes another's name.
ALTER TABLE {table} RENAME COLUMN {old} TO {new}
