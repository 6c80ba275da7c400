-- What the provider says of a batch in flight.
UPDATE batches SET
    provider_status = %(status)s, provider_completed = %(completed)s,
    output_file_id = %(output_file_id)s, error_file_id = %(error_file_id)s, message = %(message)s,
    state = CASE WHEN %(terminal)s THEN 'finished' ELSE state END,
    finished_at = CASE WHEN %(terminal)s THEN now() END
WHERE id = %(id)s AND state = 'submitted'
