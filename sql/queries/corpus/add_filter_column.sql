-- A field of the metadata as a column of the passages.
ALTER TABLE {corpus}.chunks ADD COLUMN {column} {type}
