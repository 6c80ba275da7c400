-- Put an empty table of ours where another version of it is.
ALTER TABLE {table} SET TABLESPACE {tablespace}
