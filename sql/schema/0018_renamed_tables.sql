-- Which table it is whose column is filled, so that it is known where its owner gave it another name or schema.
ALTER TABLE column_target
    ADD COLUMN table_oid oid; -- null: not run since this step was applied
