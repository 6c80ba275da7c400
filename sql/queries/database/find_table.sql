-- A table or view by its name as in SQL, and which of them it is.
SELECT n.nspname, c.relname, c.relkind::pg_catalog.text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%(name)s)
  AND c.relkind OPERATOR(pg_catalog.=) ANY('{{r,p,v,m,f}}'::pg_catalog."char"[])
