-- The column that this corpus fills.
INSERT INTO {corpus}.column_target
    (table_schema, table_name, key_names, key_types, text_name, vector_name, hash_prefix, source, table_oid)
SELECT %(table_schema)s::text, %(table_name)s::text, %(key_names)s::text[], %(key_types)s::text[], %(text_name)s, %(vector_name)s,
       %(hash_prefix)s, %(source)s,
       (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %(table_schema)s::text AND c.relname = %(table_name)s::text)
ON CONFLICT (one_row) DO UPDATE SET table_schema = EXCLUDED.table_schema, table_name = EXCLUDED.table_name,
    key_names = EXCLUDED.key_names, key_types = EXCLUDED.key_types, text_name = EXCLUDED.text_name,
    hash_prefix = EXCLUDED.hash_prefix, source = EXCLUDED.source, table_oid = EXCLUDED.table_oid
