-- Whether the run goes on that began last: what a round sends belongs to it, until nothing is left.
ALTER TABLE corpus ADD COLUMN run_goes_on boolean NOT NULL DEFAULT false;
