-- A batch in flight is asked after again later.
UPDATE batches SET not_before = now() + make_interval(secs => %(wait_seconds)s), message = %(message)s
WHERE id = %(id)s
