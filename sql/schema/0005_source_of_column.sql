-- How the rows are chosen and read whose vectors go into the column, so that another version of the corpus reads the same.
ALTER TABLE column_target
    ADD COLUMN source jsonb; -- null: not run since this step was applied
