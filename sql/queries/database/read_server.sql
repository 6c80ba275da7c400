-- The server's version, pgvector's: as it is in this database, and as it could be; and the schema it is in.
SELECT current_setting('server_version'), current_setting('server_version_num')::integer, e.extversion, a.default_version,
       n.nspname
FROM (VALUES ('vector')) AS v(name)
LEFT JOIN pg_extension e ON e.extname = v.name
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_available_extensions a ON a.name = v.name
