-- What a round knows and the next must, which is a process of its own.
ALTER TABLE corpus
    ADD COLUMN run_skipped    integer NOT NULL DEFAULT 0, -- what the run that goes on could not read, when it read last
    ADD COLUMN run_refused    integer NOT NULL DEFAULT 0, -- rows over the model's limit, in that reading
    ADD COLUMN run_edited     integer NOT NULL DEFAULT 0, -- rows edited since, while their vectors were made
    ADD COLUMN limited_rounds integer NOT NULL DEFAULT 0, -- how often in a row a rate limit let nothing through
    ADD COLUMN limited_until  bigint NOT NULL DEFAULT 0; -- the newest batch when that was counted last
ALTER TABLE batches
    ADD COLUMN stuck_told boolean NOT NULL DEFAULT false; -- whether a notice was sent that it makes no progress
