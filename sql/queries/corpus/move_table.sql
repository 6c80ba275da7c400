-- A table or a view goes into another schema, with its indexes, sequences and triggers; what refers to it goes on doing so.
ALTER TABLE {table} SET SCHEMA {schema}
