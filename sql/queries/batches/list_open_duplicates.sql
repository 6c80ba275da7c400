-- The duplicates at this provider that are not over yet, and whether they were asked to be.
SELECT d.provider_batch_id, d.batch_id, d.cancel_asked_at IS NOT NULL, b.sent_from
FROM {corpus}.duplicates d JOIN {corpus}.batches b ON b.id = d.batch_id
WHERE d.ended_at IS NULL AND b.endpoint = %(endpoint)s
ORDER BY d.batch_id, d.provider_batch_id
