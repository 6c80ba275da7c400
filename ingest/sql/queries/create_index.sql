-- The vector index, for cosine distance, with pgvector's default graph (m 16, ef_construction 64).
CREATE INDEX {name} ON chunks USING hnsw (embedding {operators})
