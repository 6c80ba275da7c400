-- Fields of the metadata that are typed columns of chunks, for searches to filter by.
ALTER TABLE corpus
    ADD COLUMN filters jsonb NOT NULL DEFAULT '{}'; -- name: type, as in the settings
ALTER TABLE documents
    ADD COLUMN filter_values jsonb; -- of these, as text that their types take; null: not looked for yet
