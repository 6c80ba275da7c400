-- For the rest of the transaction, nobody waits behind a lock that we wait for longer than so many ms; less than it takes
-- until the server looks for deadlocks, so that we give way and never a reader. Back come the limit, and that other time.
SELECT most, pg_catalog.set_config('lock_timeout', most::pg_catalog.text, true), deadlock_timeout
FROM (SELECT least(%(most_ms)s, setting::pg_catalog.int4 OPERATOR(pg_catalog./) 2) AS most,
             setting::pg_catalog.int4 AS deadlock_timeout
      FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'deadlock_timeout') AS limits
