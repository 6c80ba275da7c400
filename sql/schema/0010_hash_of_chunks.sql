-- What proves that a document's chunks are those that its text was cut into: written with the text's own hash.
ALTER TABLE documents
    ADD COLUMN chunks_hash bytea; -- of its chunks in their order; null: not read since this step was applied
