-- What the provider says of a batch in flight.
UPDATE batches SET
    progressed_at = CASE WHEN (provider_status, provider_completed) IS DISTINCT FROM (%(status)s, %(completed)s)
                         THEN now() ELSE progressed_at END,
    provider_status = %(status)s, provider_completed = %(completed)s, reported_tokens = %(reported_tokens)s,
    output_file_id = %(output_file_id)s, error_file_id = %(error_file_id)s,
    message = %(message)s, faults = %(faults)s, not_before = NULL, tries = 0,
    state = CASE WHEN %(terminal)s THEN 'finished' ELSE state END,
    finished_at = CASE WHEN %(terminal)s THEN now() END
WHERE id = %(id)s AND state = 'submitted' AND provider_batch_id = %(provider_batch_id)s
