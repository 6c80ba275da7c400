-- Which session of the server this is, and the number of its transaction: each has the next, as long as nobody else is
-- let into the session.
SELECT pid, pg_catalog.split_part(virtualtransaction, '/', 2)::pg_catalog.int8
FROM pg_catalog.pg_locks
WHERE locktype OPERATOR(pg_catalog.=) 'virtualxid' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
