-- The tables of a corpus.
SELECT tablename FROM pg_tables WHERE schemaname = %(schema)s
