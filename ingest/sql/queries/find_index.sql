-- Whether the corpus has this index, and it is valid.
SELECT i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relname = %(name)s AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))
