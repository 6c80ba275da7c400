-- What is somebody's own on these tables and views of a corpus, as the statements that make it on those of another version,
-- once those have taken the names; in the order in which they are to be executed. Where both are the same, on those anew.
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
           c.reloptions, c.relreplident,
           format('%%I.%%I', %(schema)s::text, c.relname) AS label, other.oid AS other,
           CASE WHEN other.oid = c.oid THEN current_user::regrole::oid ELSE other.relowner END AS other_owner,
           other.relacl AS other_acl, other.relrowsecurity OR other.relforcerowsecurity AS other_guarded
    FROM pg_class c JOIN pg_class other ON other.relname = c.relname AND other.relkind = c.relkind
        AND other.relnamespace = to_regnamespace(quote_ident(%(other)s))
    WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'v') AND c.relname = ANY(%(tables)s)
), columns AS (
    SELECT a.attrelid, a.attname, a.attnum, a.attacl, a.atttypid, a.atttypmod, a.attstorage, a.attcompression, a.attoptions
    FROM pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped
), grants AS (
    SELECT ours.label, g.privilege_type AS privilege, g.grantee, g.is_grantable
    FROM ours, aclexplode(ours.relacl) g WHERE g.grantee <> ours.relowner
    UNION ALL
    SELECT ours.label, format('%%s (%%I)', g.privilege_type, a.attname), g.grantee, g.is_grantable
    FROM ours JOIN columns a ON a.attrelid = ours.oid JOIN columns b ON b.attrelid = ours.other AND b.attname = a.attname,
         aclexplode(a.attacl) g WHERE g.grantee <> ours.relowner
), granted AS (
    SELECT ours.label, g.grantee FROM ours, aclexplode(ours.other_acl) g WHERE g.grantee <> ours.other_owner
    UNION
    SELECT ours.label, g.grantee FROM ours JOIN columns b ON b.attrelid = ours.other, aclexplode(b.attacl) g
    WHERE g.grantee <> ours.other_owner
), roles AS (
    SELECT oid, quote_ident(rolname) AS name FROM pg_roles UNION ALL SELECT 0, 'PUBLIC'
)
SELECT statement FROM (
    SELECT 1, format('REVOKE ALL ON TABLE %%s FROM %%s CASCADE', granted.label, roles.name)
    FROM granted JOIN roles ON roles.oid = granted.grantee
    UNION ALL
    SELECT 2, format('ALTER TABLE %%s OWNER TO %%s', label, roles.name)
    FROM ours JOIN roles ON roles.oid = relowner WHERE relowner <> other_owner
    UNION ALL
    SELECT 3, format('GRANT %%s ON TABLE %%s TO %%s %%s', privilege, label, roles.name,
                     CASE WHEN is_grantable THEN 'WITH GRANT OPTION' END)
    FROM grants JOIN roles ON roles.oid = grants.grantee
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s SET (%%s)', label, array_to_string(reloptions, ', ')) FROM ours WHERE reloptions <> '{{}}'
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s SET (%%s)', label, array_to_string(ARRAY(
        SELECT 'toast.' || o FROM unnest(t.reloptions) AS o), ', '))
    FROM ours JOIN pg_class c ON c.oid = ours.oid JOIN pg_class t ON t.oid = c.reltoastrelid WHERE t.reloptions <> '{{}}'
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s ALTER COLUMN %%I SET STORAGE %%s', label, a.attname, CASE a.attstorage
        WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
    FROM ours JOIN columns a ON a.attrelid = ours.oid JOIN columns b ON b.attrelid = ours.other AND b.attname = a.attname
    WHERE a.attstorage <> b.attstorage AND (a.atttypid, a.atttypmod) = (b.atttypid, b.atttypmod) -- longer vectors may not fit
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s ALTER COLUMN %%I SET COMPRESSION %%s', label, a.attname,
                     CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END)
    FROM ours JOIN columns a ON a.attrelid = ours.oid JOIN columns b ON b.attrelid = ours.other AND b.attname = a.attname
    WHERE a.attcompression <> b.attcompression
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s %%s', label, coalesce('CLUSTER ON ' || (
                         SELECT quote_ident(i.relname) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                         WHERE x.indrelid = ours.oid AND x.indisclustered), 'SET WITHOUT CLUSTER'))
    FROM ours WHERE EXISTS (SELECT FROM pg_index x WHERE x.indrelid IN (ours.oid, ours.other) AND x.indisclustered)
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s ALTER COLUMN %%I SET (%%s)', label, a.attname, array_to_string(a.attoptions, ', '))
    FROM ours JOIN columns a ON a.attrelid = ours.oid JOIN columns b ON b.attrelid = ours.other AND b.attname = a.attname
    WHERE a.attoptions <> '{{}}'
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s REPLICA IDENTITY %%s', label, CASE relreplident
        WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'd' THEN 'DEFAULT' ELSE 'USING INDEX ' || (
            SELECT quote_ident(i.relname) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid = ours.oid AND x.indisreplident) END)
    FROM ours WHERE relreplident <> (SELECT o.relreplident FROM pg_class o WHERE o.oid = ours.other)
    UNION ALL
    SELECT 5, format('COMMENT ON %%s %%s IS %%L', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, label, d.description)
    FROM ours JOIN pg_description d ON (d.classoid, d.objoid, d.objsubid) = ('pg_class'::regclass, ours.oid, 0)
    UNION ALL
    SELECT 5, format('COMMENT ON COLUMN %%s.%%I IS %%L', label, a.attname, d.description)
    FROM ours JOIN columns a ON a.attrelid = ours.oid JOIN columns b ON b.attrelid = ours.other AND b.attname = a.attname
    JOIN pg_description d ON (d.classoid, d.objoid, d.objsubid) = ('pg_class'::regclass, ours.oid, a.attnum)
    UNION ALL
    SELECT 5, format('COMMENT ON INDEX %%I.%%I IS %%L', %(schema)s::text, i.relname, d.description)
    FROM ours JOIN pg_index x ON x.indrelid = ours.oid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_description d ON (d.classoid, d.objoid, d.objsubid) = ('pg_class'::regclass, i.oid, 0)
    JOIN pg_index y ON y.indrelid = ours.other JOIN pg_class j ON j.oid = y.indexrelid AND j.relname = i.relname
    UNION ALL
    SELECT 6, format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s%%s%%s', p.polname, ours.label,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
             ELSE 'ALL' END,
        (SELECT string_agg(roles.name, ', ') FROM roles WHERE roles.oid = ANY(p.polroles)),
        ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM ours JOIN pg_policy p ON p.polrelid = ours.oid
    WHERE NOT EXISTS (SELECT FROM pg_policy q WHERE q.polrelid = ours.other AND q.polname = p.polname)
    UNION ALL
    SELECT 7, format('ALTER TABLE %%s %%s ROW LEVEL SECURITY, %%s ROW LEVEL SECURITY', label,
        CASE WHEN relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END, CASE WHEN relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END)
    FROM ours WHERE relrowsecurity OR relforcerowsecurity OR other_guarded
    UNION ALL
    SELECT 8, pg_get_triggerdef(t.oid)
    FROM ours JOIN pg_trigger t ON t.tgrelid = ours.oid AND NOT t.tgisinternal
    WHERE NOT EXISTS (SELECT FROM pg_trigger u WHERE u.tgrelid = ours.other AND u.tgname = t.tgname)
    UNION ALL
    SELECT 9, format('ALTER TABLE %%s %%s TRIGGER %%I', ours.label,
        CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname)
    FROM ours JOIN pg_trigger t ON t.tgrelid = ours.oid AND NOT t.tgisinternal AND t.tgenabled <> 'O'
) AS made (place, statement)
ORDER BY place, statement
