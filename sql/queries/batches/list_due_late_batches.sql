-- The batches whose files are asked for again now, as texts that they may answer would be sent again otherwise.
SELECT id FROM {corpus}.batches
WHERE state = 'done' AND endpoint = %(endpoint)s AND finished_at > now() - make_interval(days => %(kept_days)s)
  AND id IN (SELECT late_batch_id FROM {corpus}.requests
             WHERE late_batch_id IS NOT NULL AND batch_id IS NULL AND NOT failed AND not_before <= now())
ORDER BY id
