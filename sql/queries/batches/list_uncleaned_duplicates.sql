-- Duplicates that are over, whose batch is done, and whose result files may still be at this provider.
SELECT d.provider_batch_id, d.file_ids, b.sent_from FROM {corpus}.duplicates d JOIN {corpus}.batches b ON b.id = d.batch_id
WHERE d.ended_at IS NOT NULL AND d.cleaned_at IS NULL AND b.state = 'done' AND b.endpoint = %(endpoint)s
  AND d.file_ids <> '{{}}'
