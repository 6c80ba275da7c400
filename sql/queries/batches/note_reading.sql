-- What the run that goes on read: so much could not be, and no row was edited since.
UPDATE {corpus}.corpus SET run_skipped = %(skipped_count)s, run_refused = %(refused_count)s, run_edited = 0
