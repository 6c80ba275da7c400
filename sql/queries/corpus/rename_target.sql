-- The column that a corpus fills has another name now.
UPDATE {corpus}.column_target SET vector_name = %(name)s
