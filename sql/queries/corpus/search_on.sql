-- Where a filter leaves too few of the neighbours that an index finds, it looks for more, until it has looked at so many:
-- pgvector can since 0.8. In the order of its own, which loses none; they are put in theirs after.
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.max_scan_tuples', {visited}, true),
       set_config('hnsw.scan_mem_multiplier', '4', true), set_config('ivfflat.iterative_scan', 'relaxed_order', true)
FROM pg_extension WHERE extname = 'vector' AND string_to_array(extversion, '.')::int4[] >= ARRAY[0, 8]
