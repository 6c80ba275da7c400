-- All rows are tried anew: what was in the way may be gone.
DELETE FROM {corpus}.unfilled_rows
