-- Requests that the provider refuses for good, or that were sent too often, are kept with its words; others are back
-- in line. What is not counted was never tried: it keeps its attempts and may go at once.
UPDATE requests SET
    batch_id = NULL, attempts = attempts + u.counted::int, error_code = u.code, error_message = u.message,
    failed = u.final OR attempts + u.counted::int >= %(max_attempts)s,
    not_before = CASE WHEN u.counted THEN now() + make_interval(secs => %(wait_seconds)s * 2 ^ least(attempts, 10)) END
FROM unnest(%(chunk_ids)s::bigint[], %(codes)s::text[], %(messages)s::text[], %(final)s::boolean[],
            %(counted)s::boolean[]) AS u(id, code, message, final, counted)
WHERE chunk_id = u.id
RETURNING failed
