-- The batches of the last run that made any, and all that are open: the last so many of them, oldest first.
SELECT * FROM (
    SELECT id, state, provider_status, request_count, token_count, created_at, submitted_at, finished_at, done_at
    FROM {corpus}.batches
    WHERE state <> 'done' OR run_at IS NOT DISTINCT FROM (SELECT run_at FROM {corpus}.batches ORDER BY id DESC LIMIT 1)
    ORDER BY id DESC LIMIT %(limit)s
) last ORDER BY id
