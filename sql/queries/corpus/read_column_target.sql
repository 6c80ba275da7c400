-- The column that this corpus fills, in the order of the fields of `ColumnTarget`. A table that is not there under the name that
-- is noted, and is under another with those columns, was renamed: it bears its name of today, and the noted one stands last.
SELECT coalesce(n.nspname, t.table_schema), coalesce(c.relname, t.table_name), t.key_names, t.key_types, t.text_name,
       t.vector_name, t.hash_prefix, t.source, CASE WHEN n.oid IS NOT NULL THEN t.table_schema || '.' || t.table_name END
FROM {corpus}.column_target t
LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
    ON c.oid = t.table_oid
    AND NOT EXISTS (SELECT FROM pg_class o JOIN pg_namespace s ON s.oid = o.relnamespace
                    WHERE o.relname = t.table_name AND s.nspname = t.table_schema)
    AND NOT EXISTS (SELECT FROM unnest(t.key_names || t.text_name) AS wanted (name)
                    WHERE NOT EXISTS (SELECT FROM pg_attribute a
                                      WHERE a.attrelid = c.oid AND a.attname = wanted.name AND NOT a.attisdropped))
