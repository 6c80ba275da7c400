-- Who else may use a corpus: the privilege, the table (null: the schema), the role.
SELECT g.privilege_type, NULL, CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END
FROM pg_namespace n, aclexplode(n.nspacl) g WHERE n.nspname = %(schema)s AND g.grantee <> n.nspowner
UNION ALL
SELECT g.privilege_type, c.relname, CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) g
WHERE n.nspname = %(schema)s AND c.relname IN ('documents', 'chunks') AND g.grantee <> c.relowner
