-- The view of the passages: whether its name is taken, its columns, the filters that it should have, and the server's version.
SELECT there.oid IS NOT NULL OR EXISTS (
           SELECT FROM pg_type t WHERE t.typname = 'passages' AND t.typnamespace = to_regnamespace(quote_ident(%(schema)s))),
       ARRAY(SELECT a.attname FROM pg_attribute a
             WHERE a.attrelid = there.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)::text[],
       ARRAY(SELECT jsonb_object_keys(held.filters) ORDER BY 1), current_setting('server_version_num')::integer
FROM {corpus}.corpus held
LEFT JOIN pg_class there ON there.relname = 'passages' AND there.relnamespace = to_regnamespace(quote_ident(%(schema)s))
