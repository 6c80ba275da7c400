-- The vector index.
CREATE INDEX {concurrently} {name} ON {table} USING {method} ({column} {operators}) {options} {condition}
