-- Texts whose batch was given up before it answered them: its result file may come late, and is asked for again.
ALTER TABLE requests
    ADD COLUMN late_batch_id bigint REFERENCES batches;
CREATE INDEX requests_late ON requests (late_batch_id) WHERE late_batch_id IS NOT NULL;
