-- Nothing is left of the run that began last: what is sent from now on begins another.
UPDATE {corpus}.corpus SET run_goes_on = false, run_skipped = 0, run_refused = 0, run_edited = 0
WHERE run_goes_on OR run_skipped > 0 OR run_refused > 0 OR run_edited > 0
