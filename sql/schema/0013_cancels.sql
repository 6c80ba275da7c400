-- A run that began before the last cancel sends nothing more.
ALTER TABLE corpus
    ADD COLUMN cancels integer NOT NULL DEFAULT 0; -- how often `ingest cancel` was given
