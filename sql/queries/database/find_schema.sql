-- Whether there is a schema of that name.
SELECT to_regnamespace(quote_ident(%(schema)s)) IS NOT NULL
