-- Which of these tables of a schema the role does not own, whose they are, and who asks.
SELECT relname, quote_ident(pg_get_userbyid(relowner)), quote_ident(current_user) FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relname = ANY(%(tables)s)
  AND NOT pg_has_role(relowner, 'USAGE')
ORDER BY relname
