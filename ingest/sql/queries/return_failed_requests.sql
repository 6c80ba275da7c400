-- Back in line, with a clean record.
UPDATE requests SET failed = false, attempts = 0, error_code = NULL, error_message = NULL, not_before = NULL
WHERE failed
