-- Twins that are over, whose batch is done, and whose result files may still be at this provider.
SELECT t.provider_batch_id, t.file_ids, b.sent_from FROM {corpus}.twins t JOIN {corpus}.batches b ON b.id = t.batch_id
WHERE t.ended_at IS NOT NULL AND t.cleaned_at IS NULL AND b.state = 'done' AND b.endpoint = %(endpoint)s
  AND t.file_ids <> '{{}}'
