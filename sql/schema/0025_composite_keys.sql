-- The key of the table whose column is filled may be of several columns.
ALTER TABLE column_target RENAME COLUMN key_name TO key_names;
ALTER TABLE column_target RENAME COLUMN key_type TO key_types;
ALTER TABLE column_target
    ALTER key_names TYPE text[] USING ARRAY[key_names],
    ALTER key_types TYPE text[] USING ARRAY[key_types];
