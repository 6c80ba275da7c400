-- The vector indexes on a column, in the order of the fields of `VectorIndex`. That it is not null is no condition: null
-- is never in them. Those of a partitioned table are of its partitions, and not listed. An index on an expression is told
-- by how PostgreSQL writes that, pgvector's schema apart.
SELECT c.relname, i.indisvalid, m.amname, o.opcname, coalesce(c.reloptions, '{{}}'),
       nullif(pg_get_expr(i.indpred, i.indrelid), format('(%%I IS NOT NULL)', a.attname)),
       CASE WHEN i.indkey[0] = a.attnum THEN 'none' WHEN e.is_halfvec THEN 'halfvec' ELSE 'bit' END,
       greatest(c.reltuples, 0)::int8, obj_description(c.oid, 'pg_class')
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
JOIN pg_am m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ivfflat')
JOIN pg_opclass o ON o.oid = i.indclass[0]
JOIN pg_namespace n ON n.oid = o.opcnamespace
JOIN pg_attribute a ON a.attrelid = i.indrelid
CROSS JOIN LATERAL (
    SELECT replace(pg_get_expr(i.indexprs, i.indrelid), quote_ident(n.nspname) || '.', '') AS expression
) x
CROSS JOIN LATERAL (
    SELECT starts_with(x.expression, format('(%%I)::halfvec(', a.attname)) AS is_halfvec,
           starts_with(x.expression, format('(binary_quantize(%%I))::bit(', a.attname)) AS is_bit
) e
WHERE i.indrelid = to_regclass(%(table)s) AND a.attname = %(column)s
    AND (i.indkey[0] = a.attnum OR (i.indkey[0] = 0 AND (e.is_halfvec OR e.is_bit)))
ORDER BY c.relname
