-- Requests that the provider refuses for good, or that were sent too often, are kept with its words; others are back
-- wait again. What is not counted was never tried: it keeps its attempts and may go at once; but what a rate
-- limit held up waits as well. Of what is late the
-- batch is remembered.
UPDATE {corpus}.requests SET
    batch_id = NULL, attempts = attempts + u.counted::int, error_code = u.code, error_message = u.message,
    late_batch_id = CASE WHEN u.late THEN coalesce(batch_id, late_batch_id) ELSE late_batch_id END,
    failed = u.final OR attempts + u.counted::int >= %(max_attempts)s, refused = u.refused,
    not_before = CASE WHEN u.counted OR u.held_up
                      THEN now() + make_interval(secs => %(wait_seconds)s * 2 ^ least(attempts, 10)) END
FROM unnest(%(chunk_ids)s::bigint[], %(codes)s::text[], %(messages)s::text[], %(final)s::boolean[],
            %(counted)s::boolean[], %(refused)s::boolean[], %(late)s::boolean[], %(held_up)s::boolean[])
     AS u(id, code, message, final, counted, refused, late, held_up)
WHERE chunk_id = u.id
RETURNING failed
