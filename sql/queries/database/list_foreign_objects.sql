-- What a schema holds, of any kind, besides these tables and views, and what belongs to them.
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s))
  AND d.deptype = 'n'
  AND NOT EXISTS (
      SELECT FROM pg_class t
      WHERE d.classid = 'pg_class'::regclass AND t.relnamespace = d.refobjid AND t.relkind IN ('r', 'v')
        AND t.relname = ANY(%(tables)s)
        AND (t.oid = d.objid OR EXISTS (
            SELECT FROM pg_depend o WHERE (o.classid, o.objid) = (d.classid, d.objid)
               AND (o.refclassid, o.refobjid) = (d.classid, t.oid) AND o.deptype IN ('i', 'a'))))
ORDER BY 1
