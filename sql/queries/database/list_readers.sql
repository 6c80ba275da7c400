-- What somebody's views, functions and the like are that read these tables and views of a corpus, wherever they are moved.
WITH ours AS (
    SELECT oid FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind IN ('r', 'v') AND relname = ANY(%(tables)s)
)
SELECT DISTINCT CASE WHEN r.oid IS NULL THEN pg_describe_object(d.classid, d.objid, 0)
                     ELSE pg_describe_object('pg_class'::regclass, r.ev_class, 0) END
FROM ours c
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'n'
LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
WHERE (r.oid IS NOT NULL OR d.classid = 'pg_proc'::regclass) AND NOT EXISTS (SELECT FROM ours o WHERE o.oid = r.ev_class)
ORDER BY 1
