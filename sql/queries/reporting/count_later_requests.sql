-- What waits until a time that has not come: how many texts, seconds until the first may go, and the most attempts.
SELECT count(*), extract(epoch FROM min(not_before) - now())::float8, max(attempts)::int
FROM {corpus}.requests WHERE batch_id IS NULL AND NOT failed AND not_before > now()
