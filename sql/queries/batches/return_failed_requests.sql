-- They wait again, with a clean record; what is over the limit would only be refused again. `kept`: batches that are left
-- alone; `released`: of which nothing more is waited for.
UPDATE {corpus}.requests
SET failed = false, refused = false, attempts = 0, error_code = NULL, error_message = NULL, not_before = NULL,
    late_batch_id = CASE WHEN late_batch_id <> ALL(%(released)s::bigint[]) THEN late_batch_id END
WHERE failed AND error_code IS DISTINCT FROM 'over_limit' AND coalesce(late_batch_id <> ALL(%(kept)s::bigint[]), true)
