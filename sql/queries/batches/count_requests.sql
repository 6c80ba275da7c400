-- Outstanding requests: waiting, in flight, failed; with these the rows of the user's own that do not take their vector.
SELECT count(*) FILTER (WHERE batch_id IS NULL AND NOT failed), count(*) FILTER (WHERE batch_id IS NOT NULL),
       count(*) FILTER (WHERE failed) + (SELECT count(*) FROM {corpus}.unfilled_rows),
       coalesce(sum(token_count) FILTER (WHERE batch_id IS NULL AND NOT failed), 0)::bigint,
       coalesce(sum(token_count) FILTER (WHERE batch_id IS NOT NULL), 0)::bigint
FROM {corpus}.requests
