-- The tables of another version of a corpus that are not in the tablespace of the same tables here, and that tablespace.
SELECT other.relname, t.spcname
FROM pg_class c JOIN pg_class other ON other.relname = c.relname AND other.reltablespace <> c.reltablespace
    AND other.relnamespace = to_regnamespace(quote_ident(%(other)s))
JOIN pg_database d ON d.datname = current_database()
JOIN pg_tablespace t ON t.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind = 'r' AND c.relname = ANY(%(tables)s)
