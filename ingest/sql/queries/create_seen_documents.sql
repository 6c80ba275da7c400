-- The documents that this sync found, to tell those that are gone.
CREATE TEMPORARY TABLE IF NOT EXISTS seen_documents (id bigint PRIMARY KEY) ON COMMIT DELETE ROWS
