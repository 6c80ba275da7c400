-- The addresses where files of batches may still be, and of how many.
SELECT endpoint, count(*) FROM {corpus}.batches
WHERE cleaned_at IS NULL AND input_file_id IS NOT NULL GROUP BY endpoint ORDER BY endpoint
