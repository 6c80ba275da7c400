-- Batches that are done, and whose files may still be at this provider; not those whose files may come late.
SELECT id, array_remove(ARRAY[input_file_id, output_file_id, error_file_id], NULL), sent_from
FROM {corpus}.batches WHERE state = 'done' AND cleaned_at IS NULL AND endpoint = %(endpoint)s AND input_file_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM {corpus}.requests WHERE late_batch_id = batches.id)
ORDER BY id
