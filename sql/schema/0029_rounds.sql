-- What a round sends belongs to the run that goes on, until nothing is left of it.
ALTER TABLE corpus
    ADD COLUMN run_goes_on boolean NOT NULL DEFAULT false; -- whether that of run_at does
