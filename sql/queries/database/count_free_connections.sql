-- How many more connections the server, the database and the role take; whichever is least.
SELECT least(
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true), '0')::integer - count(*),
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0)
        - count(*) FILTER (WHERE s.datname = current_database()),
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user AND rolconnlimit >= 0)
        - count(*) FILTER (WHERE s.usename = session_user))
FROM pg_stat_activity s WHERE s.backend_type = 'client backend'
