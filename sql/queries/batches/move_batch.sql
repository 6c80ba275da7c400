-- A batch's next state. Ids that are null are kept.
UPDATE {corpus}.batches SET
    state = %(state)s,
    input_file_id = coalesce(%(input_file_id)s, input_file_id),
    provider_batch_id = coalesce(%(provider_batch_id)s, provider_batch_id),
    not_before = now() + make_interval(secs => %(wait_seconds)s),
    message = %(message)s,
    tries = %(tries)s,
    submitted_at = CASE WHEN %(state)s = 'submitted' THEN now() ELSE submitted_at END,
    progressed_at = CASE WHEN %(state)s = 'submitted' THEN now() ELSE progressed_at END
WHERE id = %(id)s
