-- Who else may use single columns of these tables: the privilege, the table, the column, the role (null: everybody).
SELECT g.privilege_type, c.relname, a.attname, CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee) END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
     aclexplode(a.attacl) g
WHERE n.nspname = %(schema)s AND c.relname = ANY(%(tables)s) AND g.grantee <> c.relowner AND NOT a.attisdropped
