-- Whether a schema holds tables and is no corpus of ours.
SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = %(schema)s)
   AND NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = %(schema)s AND tablename = 'migrations')
