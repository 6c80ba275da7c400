-- The ledger: what each batch brought and what was billed for it. It refers to no other table, so that it outlives requests,
-- chunks and documents, and goes with the corpus to its next version.
CREATE TABLE ledger (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_at           timestamptz, -- when the run began that sent it; null: sent before there was a ledger
    batch_key        text,        -- null: answers that were loaded by hand, and belong to no batch
    provider_batch_id text,
    model            text NOT NULL,
    usd_per_million  double precision, -- as the price was when it was sent; null: not known
    texts            integer NOT NULL, -- that have their vector by it
    estimated_tokens bigint NOT NULL,  -- of these texts, by our count
    billed_tokens    bigint,           -- of these texts, by their result lines; null: some do not tell
    vain_tokens      bigint NOT NULL,  -- by lines that brought no vector of use: their texts are sent, and billed, again
    reported_tokens  bigint,           -- by the batch itself, where it tells
    loaded_at        timestamptz NOT NULL DEFAULT now()
);

-- Its entries by document; a text that several documents share counts for the first. No index: it is read as a whole.
CREATE TABLE ledger_documents (
    ledger_id        uuid NOT NULL,
    document_id      bigint, -- null: of a document that is gone
    estimated_tokens bigint NOT NULL,
    billed_tokens    bigint NOT NULL -- by the result lines
);

-- The run that sends now; the batches that it makes are its own.
ALTER TABLE corpus
    ADD COLUMN run_at          timestamptz,
    ADD COLUMN usd_per_million double precision;

ALTER TABLE batches
    ADD COLUMN run_at          timestamptz,
    ADD COLUMN usd_per_million double precision,
    ADD COLUMN reported_tokens bigint;
