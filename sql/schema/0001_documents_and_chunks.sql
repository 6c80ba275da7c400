-- What applications read: documents and chunks. The column chunks.embedding is added when the corpus's model,
-- and with it the type and the dimensions, is known.
CREATE TABLE corpus (
    one_row        boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    id             uuid NOT NULL DEFAULT gen_random_uuid(), -- names this corpus's folder of shard files
    model          text NOT NULL,
    dimensions     integer NOT NULL,
    vector_type    text NOT NULL,
    chunk_tokens   integer NOT NULL,
    overlap        integer NOT NULL,
    embed_headings boolean NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE documents (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uri            text NOT NULL UNIQUE,
    title          text NOT NULL,
    metadata       jsonb NOT NULL DEFAULT '{}',
    source         text NOT NULL,  -- the path that was given to sync: a document is gone when its source no longer has it
    source_version text,           -- what tells cheaply that a document is unchanged: a file's size and mtime
    content_hash   bytea NOT NULL, -- of the text, the title and how it is chunked
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX documents_source ON documents (source);

CREATE TABLE chunks (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id      bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal          integer NOT NULL,
    content          text NOT NULL, -- never changes: an edit makes a new chunk
    headings         text[] NOT NULL,
    token_count      integer NOT NULL,
    context_headings smallint NOT NULL, -- how many of the innermost headings are embedded before the content
    text_hash        bytea NOT NULL,    -- of the embedded text: chunks that agree in it share one vector
    superseded       boolean NOT NULL DEFAULT false -- replaced, and searchable until the replacements have vectors
);
CREATE INDEX chunks_document ON chunks (document_id, ordinal);
CREATE INDEX chunks_text_hash ON chunks (text_hash);
CREATE INDEX chunks_superseded ON chunks (document_id) WHERE superseded;
