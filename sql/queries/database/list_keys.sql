-- The unique indexes of a table that have its rows in order: whether it is the primary key, and the names of its columns. (That
-- of a table does not cover the tables that inherit from it.) The path here is the user's.
SELECT i.indisprimary, pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.place)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts OPERATOR(pg_catalog.-) 1) AS k (place)
LEFT JOIN pg_catalog.pg_attribute a
  ON a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[k.place]
JOIN pg_catalog.pg_opclass o ON o.oid OPERATOR(pg_catalog.=) i.indclass[k.place]
WHERE n.nspname OPERATOR(pg_catalog.=) %(schema)s AND c.relname OPERATOR(pg_catalog.=) %(name)s
  AND (c.relkind OPERATOR(pg_catalog.=) 'p' OR NOT c.relhassubclass)
  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
GROUP BY i.indexrelid, i.indisprimary
HAVING pg_catalog.bool_and(a.attnum IS NOT NULL AND o.opcdefault
                           AND i.indcollation[k.place] OPERATOR(pg_catalog.=) a.attcollation
                           AND i.indoption[k.place] OPERATOR(pg_catalog.=) i.indoption[0])
ORDER BY i.indexrelid
