-- Where a filter leaves too few of the neighbours that an index finds, it looks for more: pgvector can since 0.8.
SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('ivfflat.iterative_scan', 'relaxed_order', true)
FROM pg_extension WHERE extname = 'vector' AND string_to_array(extversion, '.')::int4[] >= ARRAY[0, 8]
