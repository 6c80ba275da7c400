-- What tells this server from others, those that were restored from a dump of it too; its standbys have the same.
SELECT system_identifier FROM pg_control_system()
