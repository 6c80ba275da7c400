-- The session as this program counts on it, whatever the server, the database or the role has by default; what this version
-- of PostgreSQL does not know is left out. Back come where pgvector is, and the search path that the user has.
WITH own AS MATERIALIZED (
    SELECT pg_catalog.current_setting('search_path') AS path,
           (SELECT n.nspname FROM pg_catalog.pg_extension e
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
            WHERE e.extname OPERATOR(pg_catalog.=) 'vector') AS vector_schema
), wanted AS MATERIALIZED (
    SELECT w.name, w.value FROM own, ROWS FROM (
        pg_catalog.unnest(%(names)s::pg_catalog.text[]), pg_catalog.unnest(%(values)s::pg_catalog.text[])
    ) AS w(name, value)
), done AS MATERIALIZED (
    SELECT pg_catalog.count(pg_catalog.set_config(w.name, w.value, false)) FROM wanted w
    WHERE pg_catalog.current_setting(w.name, true) IS NOT NULL
      -- A stronger promise than ours stays.
      AND (w.name OPERATOR(pg_catalog.<>) 'synchronous_commit'
           OR pg_catalog.current_setting(w.name) OPERATOR(pg_catalog.=) ANY('{{off,local}}'::pg_catalog.text[]))
      -- Not everyone may set it, to what it is either.
      AND (w.name OPERATOR(pg_catalog.<>) 'session_replication_role'
           OR pg_catalog.current_setting(w.name) OPERATOR(pg_catalog.<>) w.value)
)
SELECT own.vector_schema, own.path FROM own, done
