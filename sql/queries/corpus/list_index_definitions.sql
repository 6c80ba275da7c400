-- How the indexes of a corpus's tables are made, but for those on vectors: without a schema, where its own is the first of
-- the search path.
SELECT c.relname, pg_get_indexdef(c.oid, 0, true)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_am m ON m.oid = c.relam AND m.amname NOT IN ('hnsw', 'ivfflat')
WHERE t.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND t.relname IN ('documents', 'chunks') AND i.indisvalid
ORDER BY c.relname
