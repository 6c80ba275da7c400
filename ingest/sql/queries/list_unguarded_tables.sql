-- The tables of a corpus whose rows are guarded by row security, while those of another version are not.
SELECT c.relname FROM pg_class c JOIN pg_class other ON other.relname = c.relname
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind = 'r' AND c.relrowsecurity
  AND other.relnamespace = to_regnamespace(quote_ident(%(other)s)) AND NOT other.relrowsecurity
ORDER BY c.relname
