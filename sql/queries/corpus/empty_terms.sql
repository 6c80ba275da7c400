-- The terms of all passages go.
TRUNCATE {corpus}.chunk_terms
