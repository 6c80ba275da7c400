-- The terms of the passages, for searches by words; in the place of an index by PostgreSQL's own full text.
CREATE TABLE chunk_terms (
    chunk_id bigint PRIMARY KEY,
    length   integer NOT NULL,  -- how many terms the passage has, each as often as it is there
    terms    integer[] NOT NULL -- each once: 28 bits of its hash, then 3 that tell how often
);
DO $$
BEGIN
    IF (SELECT relpersistence = 'u' FROM pg_class WHERE oid = 'chunks'::regclass) THEN -- by the user: no other may refer to it
        ALTER TABLE chunk_terms SET UNLOGGED;
    END IF;
END $$;
ALTER TABLE chunk_terms ADD FOREIGN KEY (chunk_id) REFERENCES chunks ON DELETE CASCADE;
ALTER TABLE chunk_terms ALTER COLUMN terms SET STORAGE EXTERNAL; -- hashes cannot be compressed
CREATE INDEX chunk_terms_terms ON chunk_terms USING gin (terms) WITH (gin_pending_list_limit = 1024);
ALTER TABLE corpus
    ADD COLUMN terms_version  integer, -- of how terms are made; null: none are
    ADD COLUMN terms_language text,    -- that was set; null: found in each document
    ADD COLUMN terms_filled   boolean NOT NULL DEFAULT false, -- whether all passages have theirs
    ADD COLUMN languages      text[] NOT NULL DEFAULT '{}'; -- by which terms were made
DO $$
DECLARE
    index_oid regclass;
BEGIN
    FOR index_oid IN
        SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid, corpus
        WHERE i.indrelid = 'chunks'::regclass AND (made_indexes IS NULL OR 'full_text' = ANY(made_indexes))
          AND c.relname IN ('chunks_full_text', 'chunks_full_text_building', 'chunks_full_text_replaced')
    LOOP
        EXECUTE format('DROP INDEX %s', index_oid);
    END LOOP;
END $$;
UPDATE corpus SET made_indexes = array_remove(made_indexes, 'full_text') WHERE 'full_text' = ANY(made_indexes);
