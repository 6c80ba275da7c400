-- The vector index.
CREATE INDEX {concurrently} {name} ON chunks USING {method} (embedding {operators}) WITH ({options})
