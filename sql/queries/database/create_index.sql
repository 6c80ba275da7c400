-- The vector index.
CREATE INDEX {concurrently} {name} ON {table} USING {method} ({indexed} {operators}) {options} {condition}
