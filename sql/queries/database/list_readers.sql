-- What somebody's views, functions and the like are that read these tables of a corpus, wherever they are moved.
SELECT DISTINCT CASE WHEN r.oid IS NULL THEN pg_describe_object(d.classid, d.objid, 0)
                     ELSE pg_describe_object('pg_class'::regclass, r.ev_class, 0) END
FROM pg_class c
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'n'
LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind = 'r' AND c.relname = ANY(%(tables)s)
  AND (r.oid IS NOT NULL OR d.classid = 'pg_proc'::regclass)
ORDER BY 1
