-- Batches that are done, and whose files may still be at this provider.
SELECT id, ARRAY_REMOVE(ARRAY[input_file_id, output_file_id, error_file_id], NULL)
FROM batches WHERE state = 'done' AND cleaned_at IS NULL AND endpoint = %(endpoint)s AND input_file_id IS NOT NULL
ORDER BY id
