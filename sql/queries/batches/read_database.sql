-- Which database this is, as every role may read it; and whether the server's own identifier is ours to read, too.
SELECT oid::bigint, datname::text, has_function_privilege('pg_control_system()', 'EXECUTE')
FROM pg_database WHERE datname = current_database()
