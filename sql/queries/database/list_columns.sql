-- The columns of a table: name, type without and with its length, whether null is excluded.
-- A type without a schema is PostgreSQL's own, whatever the path makes visible: the path here is the user's.
-- (For the same reason no NULLIF, whose operator is found by the path.)
SELECT a.attname,
       CASE WHEN s.nspname OPERATOR(pg_catalog.=) 'pg_catalog'
            THEN pg_catalog.replace(pg_catalog.format_type(b.oid, NULL), 'pg_catalog.', '')
            ELSE pg_catalog.concat(s.nspname, '.', b.typname) END,
       pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
JOIN pg_catalog.pg_type b
  ON b.oid OPERATOR(pg_catalog.=) CASE WHEN t.typbasetype OPERATOR(pg_catalog.<>) 0 THEN t.typbasetype ELSE t.oid END
JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) b.typnamespace
WHERE n.nspname OPERATOR(pg_catalog.=) %(schema)s AND c.relname OPERATOR(pg_catalog.=) %(name)s
  AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
ORDER BY a.attnum
