-- Why the provider refused the account, where that ended the last run; gone when one succeeds.
ALTER TABLE corpus
    ADD COLUMN refused_at timestamptz,
    ADD COLUMN refusal    text; -- in the words that were told, with what to do
