-- The schemas that have the tables that make one a corpus of ours, as in find_books.
SELECT n.nspname FROM pg_namespace n
WHERE (SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND NOT a.attisdropped
         AND (c.relname, a.attname) IN (('migrations', 'version'), ('migrations', 'name'), ('corpus', 'id'),
             ('documents', 'content_hash'), ('chunks', 'context_headings'), ('chunks', 'text_hash'))) = 6
  AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1
