-- Who has held these tables for more than a moment; and whether it is one who does not give way, as an autovacuum does.
SELECT DISTINCT pg_catalog.format('%%s (process %%s, since %%s)',
    CASE WHEN a.backend_type OPERATOR(pg_catalog.<>) 'client backend' THEN a.backend_type
         WHEN a.application_name OPERATOR(pg_catalog.=) '' THEN pg_catalog.format('a client of %%s', a.usename)
         ELSE pg_catalog.format('%%s of %%s', a.application_name, a.usename) END,
    a.pid, pg_catalog.to_char(a.xact_start, 'HH24:MI:SS')), a.backend_type OPERATOR(pg_catalog.=) 'client backend'
FROM pg_catalog.pg_locks l
JOIN pg_catalog.unnest(%(tables)s::pg_catalog.text[]) AS t(name)
    ON l.relation OPERATOR(pg_catalog.=) pg_catalog.to_regclass(t.name)::pg_catalog.oid
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid
WHERE l.granted AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND a.xact_start OPERATOR(pg_catalog.<) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) INTERVAL '1 second')
ORDER BY 1
