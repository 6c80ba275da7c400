-- The batches at this provider that are open, or were created within a day, and so may have a duplicate there.
SELECT id, key, input_file_id, provider_batch_id, sent_from FROM {corpus}.batches
WHERE provider_batch_id IS NOT NULL AND endpoint = %(endpoint)s AND mode = 'batch'
  AND (state IN ('submitted', 'finished') OR submitted_at > now() - interval '1 day')
