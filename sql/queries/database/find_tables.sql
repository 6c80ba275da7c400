-- Which of these tables a schema has.
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind = 'r' AND relname = ANY(%(tables)s)
ORDER BY relname
