-- Nothing is left of the run that began last: what is sent from now on begins another.
UPDATE {corpus}.corpus SET run_goes_on = false WHERE run_goes_on
