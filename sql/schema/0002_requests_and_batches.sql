-- Our own books: what is to be embedded, and how it fares at the provider.
CREATE TABLE batches (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key               text NOT NULL UNIQUE, -- ours: in the uploaded file's name and in the batch's metadata
    -- Written before the call it announces: `uploading` and `creating` mean that the outcome must be looked up.
    state             text NOT NULL CHECK (state IN
                      ('ready', 'uploading', 'uploaded', 'creating', 'submitted', 'finished', 'exported', 'done')),
    model             text NOT NULL,
    dimensions        integer NOT NULL,
    endpoint          text NOT NULL, -- the provider's address
    shard_path        text NOT NULL,
    shard_sha256      bytea NOT NULL,
    request_count     integer NOT NULL,
    token_count       bigint NOT NULL,
    byte_count        bigint NOT NULL,
    input_file_id     text,
    provider_batch_id text,
    provider_status   text,
    provider_completed integer NOT NULL DEFAULT 0,
    output_file_id    text,
    error_file_id     text,
    loaded_count      integer NOT NULL DEFAULT 0,
    failed_count      integer NOT NULL DEFAULT 0,
    message           text,        -- why it waits, or how it went wrong
    not_before        timestamptz, -- wait until then before the next attempt
    created_at        timestamptz NOT NULL DEFAULT now(),
    submitted_at      timestamptz,
    finished_at       timestamptz,
    done_at           timestamptz
);
CREATE INDEX batches_open ON batches (id) WHERE state <> 'done';

CREATE TABLE requests (
    -- The record ID, first part of the custom_id. No foreign key: the chunk may go while its text is in flight,
    -- and other chunks with the same text still want it.
    chunk_id      bigint PRIMARY KEY,
    text_hash     bytea NOT NULL UNIQUE,
    token_count   integer NOT NULL,
    batch_id      bigint REFERENCES batches, -- null: waits, or failed
    attempts      smallint NOT NULL DEFAULT 0,
    failed        boolean NOT NULL DEFAULT false, -- for good, until `ingest retry`
    error_code    text,
    error_message text
);
CREATE INDEX requests_batch ON requests (batch_id, chunk_id);

-- Files loaded by hand, so that loading one twice changes nothing.
CREATE TABLE loaded_files (
    sha256       bytea PRIMARY KEY,
    name         text NOT NULL,
    loaded_count integer NOT NULL,
    loaded_at    timestamptz NOT NULL DEFAULT now()
);
