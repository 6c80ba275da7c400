-- Requests that the provider refuses for good, or that were sent too often, are kept with its words.
UPDATE requests SET
    batch_id = NULL, attempts = attempts + 1, error_code = u.code, error_message = u.message,
    failed = u.final OR attempts + 1 >= %(max_attempts)s
FROM unnest(%(chunk_ids)s::bigint[], %(codes)s::text[], %(messages)s::text[], %(final)s::boolean[])
     AS u(id, code, message, final)
WHERE chunk_id = u.id
RETURNING failed
