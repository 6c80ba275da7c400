-- Whether a schema has the tables that make it a corpus of ours; tables of such names may be anybody's, so their columns too.
SELECT count(*) = 6 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind = 'r' AND NOT a.attisdropped
  AND (c.relname, a.attname) IN (('migrations', 'version'), ('migrations', 'name'), ('corpus', 'id'),
      ('documents', 'content_hash'), ('chunks', 'context_headings'), ('chunks', 'text_hash'))
