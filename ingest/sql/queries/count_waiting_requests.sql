-- How much waits in line.
SELECT count(*), coalesce(sum(token_count), 0)::bigint FROM requests WHERE batch_id IS NULL AND NOT failed
