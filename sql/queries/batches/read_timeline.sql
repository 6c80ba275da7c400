-- The timeline that this server writes, another one since it was a standby; null on a standby.
SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END
