-- Outstanding requests: waiting, in flight, failed.
SELECT count(*) FILTER (WHERE batch_id IS NULL AND NOT failed), count(*) FILTER (WHERE batch_id IS NOT NULL),
       count(*) FILTER (WHERE failed),
       coalesce(sum(token_count) FILTER (WHERE batch_id IS NULL AND NOT failed), 0)::bigint,
       coalesce(sum(token_count) FILTER (WHERE batch_id IS NOT NULL), 0)::bigint
FROM requests
