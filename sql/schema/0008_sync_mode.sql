-- Shards that are answered while we wait, call by call and at full price, beside those that go as batches.
ALTER TABLE batches
    DROP CONSTRAINT batches_state_check,
    ADD CONSTRAINT batches_state_check CHECK (state IN
        ('ready', 'uploading', 'uploaded', 'creating', 'submitted', 'answering', 'finished', 'exported', 'done')),
    ADD COLUMN mode text NOT NULL DEFAULT 'batch'; -- or sync: at which price it went

ALTER TABLE corpus
    ADD COLUMN usd_per_million_sync double precision; -- beside the price in batches

ALTER TABLE ledger
    ADD COLUMN IF NOT EXISTS mode text; -- null: loaded by hand
UPDATE ledger SET mode = 'batch' WHERE provider_batch_id IS NOT NULL;
