-- What a round leaves: texts that wait, those of them that may go now, and the seconds until the first of the others may;
-- those that failed for good, with the rows of the user's own that do not take their vector; and all tokens ever sent.
SELECT count(*) FILTER (WHERE batch_id IS NULL AND NOT failed),
       count(*) FILTER (WHERE batch_id IS NULL AND NOT failed AND (not_before IS NULL OR not_before <= now())),
       extract(epoch FROM min(not_before) FILTER (WHERE batch_id IS NULL AND NOT failed AND not_before > now())
                          - now())::float8,
       count(*) FILTER (WHERE failed) + (SELECT count(*) FROM {corpus}.unfilled_rows),
       (SELECT coalesce(sum(token_count), 0)::bigint FROM {corpus}.batches
        WHERE submitted_at IS NOT NULL OR mode = 'sync' AND state <> 'answering')
FROM {corpus}.requests
