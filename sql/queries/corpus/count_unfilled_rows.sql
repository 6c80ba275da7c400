-- How many rows of the user's own do not take their vector.
SELECT count(*) FROM {corpus}.unfilled_rows
