-- The twins at this provider that are not over yet, and whether they were asked to be.
SELECT t.provider_batch_id, t.batch_id, t.cancel_asked_at IS NOT NULL, b.sent_from
FROM {corpus}.twins t JOIN {corpus}.batches b ON b.id = t.batch_id
WHERE t.ended_at IS NULL AND b.endpoint = %(endpoint)s
ORDER BY t.batch_id, t.provider_batch_id
