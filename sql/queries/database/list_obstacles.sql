-- What is somebody's own on these tables and views of a corpus and cannot be carried over to those of another version; and what
-- stands on the other's and would be another than on these.
WITH ours AS (
    SELECT c.oid, c.relname, c.relpersistence, c.reltablespace, other.oid AS other, other.relpersistence AS other_persistence,
           other.reltablespace AS other_tablespace, c.oid::regclass AS label, other.oid::regclass AS other_label
    FROM pg_class c LEFT JOIN pg_class other ON other.relname = c.relname AND other.relkind = c.relkind
        AND other.relnamespace = to_regnamespace(quote_ident(%(other)s))
    WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'v') AND c.relname = ANY(%(tables)s)
), schemas AS (
    SELECT quote_ident(%(schema)s) || '.' AS used, quote_ident(%(other)s) || '.' AS other
), policies AS ( -- which name tables of their own version
    SELECT p.polrelid, p.polname, ROW(p.polpermissive, p.polcmd, p.polroles,
        replace(pg_get_expr(p.polqual, p.polrelid), schemas.other, schemas.used),
        replace(pg_get_expr(p.polwithcheck, p.polrelid), schemas.other, schemas.used))::text AS definition
    FROM pg_policy p, schemas
), triggers AS (
    SELECT t.tgrelid, t.tgname,
           ROW(replace(pg_get_triggerdef(t.oid), schemas.other, schemas.used), t.tgenabled)::text AS definition
    FROM pg_trigger t, schemas WHERE NOT t.tgisinternal
)
SELECT format('the foreign key %%I of %%s to %%s: drop it, and add it again after the swap', f.conname, f.conrelid::regclass,
              ours.label)
FROM ours JOIN pg_constraint f ON f.confrelid = ours.oid AND f.contype = 'f' AND f.conparentid = 0
WHERE f.conrelid NOT IN (SELECT oid FROM ours)
UNION ALL
SELECT format('the column %%I of %%s: put it into a table of your own, by the id', a.attname, ours.label)
FROM ours JOIN pg_attribute a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE ours.other IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_attribute b WHERE b.attrelid = ours.other AND b.attname = a.attname AND NOT b.attisdropped)
UNION ALL
SELECT format('the constraint %%I of %%s: drop it, and add it again after the swap', f.conname, ours.label)
FROM ours JOIN pg_constraint f ON f.conrelid = ours.oid AND f.contype IN ('c', 'f', 'x')
WHERE ours.other IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_constraint g WHERE g.conrelid = ours.other AND g.conname = f.conname)
UNION ALL
SELECT format('the table %%s, which inherits from %%s: let it not (ALTER TABLE … NO INHERIT)', i.inhrelid::regclass,
              ours.label)
FROM ours JOIN pg_inherits i ON i.inhparent = ours.oid
UNION ALL
SELECT format('the table %%s, from which %%s inherits: let it not (ALTER TABLE … %%s), and again after the swap',
              i.inhparent::regclass, ours.label,
              CASE p.relkind WHEN 'p' THEN 'DETACH PARTITION' ELSE 'NO INHERIT' END)
FROM ours JOIN pg_inherits i ON i.inhrelid = ours.oid JOIN pg_class p ON p.oid = i.inhparent
UNION ALL
SELECT format('the rule %%I on %%s: drop it, and make it again after the swap', r.rulename, ours.label)
FROM ours JOIN pg_rewrite r ON r.ev_class = ours.oid AND r.rulename <> '_RETURN'
UNION ALL
SELECT format('the table %%s, which is %%s, and %%s is not: ALTER TABLE %%1$s SET %%4$s, and back after the swap', label,
              persistence.name, other_label, persistence.other)
FROM ours, LATERAL (SELECT CASE relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END AS name,
                           CASE relpersistence WHEN 'u' THEN 'LOGGED' ELSE 'UNLOGGED' END AS other) persistence
WHERE relpersistence <> other_persistence
UNION ALL
SELECT format('the tablespace %%I of %%s, in which %%s is not: ALTER TABLE %%3$s SET TABLESPACE %%1$I', t.spcname, label,
              other_label)
FROM ours JOIN pg_database d ON d.datname = current_database()
JOIN pg_tablespace t ON t.oid = coalesce(nullif(reltablespace, 0), d.dattablespace)
WHERE reltablespace <> other_tablespace
UNION ALL
SELECT format('the publication %%I, which names %%s: take it out (ALTER PUBLICATION … DROP TABLE), and add it again after the '
              'swap', p.pubname, ours.label)
FROM ours JOIN pg_publication_rel r ON r.prrelid = ours.oid JOIN pg_publication p ON p.oid = r.prpubid
UNION ALL
SELECT format('the policy %%I of %%s, which is another than on %%s: drop it there, as those in use are carried over',
              p.polname, ours.other_label, ours.label)
FROM ours JOIN policies p ON p.polrelid = ours.other
WHERE NOT EXISTS (SELECT FROM policies q WHERE q.polrelid = ours.oid AND (q.polname, q.definition) = (p.polname, p.definition))
UNION ALL
SELECT format('the trigger %%I of %%s, which is another than on %%s: drop it there, as those in use are carried over',
              t.tgname, ours.other_label, ours.label)
FROM ours JOIN triggers t ON t.tgrelid = ours.other
WHERE NOT EXISTS (SELECT FROM triggers u WHERE u.tgrelid = ours.oid AND (u.tgname, u.definition) = (t.tgname, t.definition))
ORDER BY 1
