-- The column that this corpus fills.
INSERT INTO column_target
    (table_schema, table_name, key_name, key_type, text_name, vector_name, hash_prefix, source)
VALUES (%(table_schema)s, %(table_name)s, %(key_name)s, %(key_type)s, %(text_name)s, %(vector_name)s, %(hash_prefix)s,
        %(source)s)
ON CONFLICT (one_row) DO UPDATE SET key_name = EXCLUDED.key_name, key_type = EXCLUDED.key_type,
    text_name = EXCLUDED.text_name, hash_prefix = EXCLUDED.hash_prefix, source = EXCLUDED.source
