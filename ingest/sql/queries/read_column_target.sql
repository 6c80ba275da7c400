-- The column that this corpus fills, in the order of the fields of `ColumnTarget`.
SELECT table_schema, table_name, key_name, key_type, text_name, vector_name, hash_prefix, source FROM column_target
