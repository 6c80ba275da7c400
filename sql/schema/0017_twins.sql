-- Batches at the provider that bear the key of one of ours beside it: something between repeated its creation. They are
-- cancelled, and what they were billed is told.
CREATE TABLE twins (
    provider_batch_id text PRIMARY KEY,
    batch_id        bigint NOT NULL REFERENCES batches,
    cancel_asked_at timestamptz,
    ended_at        timestamptz, -- and in the ledger
    file_ids        text[] NOT NULL DEFAULT '{}',
    cleaned_at      timestamptz
);
