-- The column in the user's own table; nothing else of ours is put there.
ALTER TABLE {table} ADD COLUMN {column} {type}({dimensions})
