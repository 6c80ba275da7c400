-- What the provider says of a batch in flight. A status that goes back, or a count that falls, is no progress; what was
-- counted once counts: it may have been billed.
UPDATE {corpus}.batches SET
    progressed_at = CASE WHEN %(completed)s > provider_completed
                           OR array_position(%(way)s, %(status)s) > coalesce(array_position(%(way)s, provider_status), 0)
                         THEN now() ELSE progressed_at END,
    provider_batch_id = %(provider_batch_id)s,
    provider_status = %(status)s, provider_completed = greatest(provider_completed, %(completed)s),
    reported_tokens = %(reported_tokens)s, output_file_id = %(output_file_id)s, error_file_id = %(error_file_id)s,
    message = %(message)s, faults = %(faults)s, not_before = NULL, tries = 0,
    state = CASE WHEN %(terminal)s THEN 'finished' ELSE state END,
    finished_at = CASE WHEN %(terminal)s THEN now() END
WHERE id = %(id)s AND state = 'submitted' AND provider_batch_id = %(asked_for)s
