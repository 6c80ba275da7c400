-- From which database batches were sent: in a copy of that one they are not this one's to cancel, to clean or to send again.
ALTER TABLE batches
    ADD COLUMN sent_from jsonb; -- server (its system identifier), database (its oid), name; null: before this step, and ours
ALTER TABLE corpus
    ADD COLUMN home jsonb; -- the database from which this corpus was sent first; null: it was not since this step
