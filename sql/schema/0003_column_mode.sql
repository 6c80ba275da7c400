-- Column mode: this corpus fills a vector column of the user's own table. Its chunks stay for a while only: they go
-- when the vector of their row is in the column.
CREATE TABLE column_target (
    one_row      boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    table_schema text NOT NULL,
    table_name   text NOT NULL,
    key_name     text NOT NULL,
    key_type     text NOT NULL,
    text_name    text NOT NULL,
    vector_name  text NOT NULL,
    hash_prefix  text NOT NULL -- what stands before a row's text in documents.content_hash
);

CREATE TABLE filled_rows (
    document_id  bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    content_hash bytea NOT NULL, -- of the text that the row's vector is of
    token_count  integer NOT NULL
);
