-- The batches that were given up, whose texts are not in flight again, and whose files the provider still keeps.
SELECT id, sent_from FROM {corpus}.batches
WHERE state = 'done' AND endpoint = %(endpoint)s AND finished_at > now() - make_interval(days => %(kept_days)s)
  AND id IN (SELECT late_batch_id FROM {corpus}.requests WHERE late_batch_id IS NOT NULL AND batch_id IS NULL)
ORDER BY id
