-- The vector indexes on a column, in the order of the fields of `VectorIndex`. That it is not null is no condition: null
-- is never in them. Those of a partitioned table are of its partitions, and not listed.
SELECT c.relname, i.indisvalid, m.amname, o.opcname, coalesce(c.reloptions, '{{}}'),
       nullif(pg_get_expr(i.indpred, i.indrelid), format('(%%I IS NOT NULL)', a.attname))
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
JOIN pg_am m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ivfflat')
JOIN pg_opclass o ON o.oid = i.indclass[0]
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = to_regclass(%(table)s) AND a.attname = %(column)s
ORDER BY c.relname
