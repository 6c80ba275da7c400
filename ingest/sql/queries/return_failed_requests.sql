-- Back in line, with a clean record; what is over the limit would only be refused again.
UPDATE requests SET failed = false, attempts = 0, error_code = NULL, error_message = NULL, not_before = NULL
WHERE failed AND error_code IS DISTINCT FROM 'over_limit'
