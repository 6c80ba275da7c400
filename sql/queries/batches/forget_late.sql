-- All files of this batch are there and loaded: what they do not answer, they never will. Not so what was looked at early.
UPDATE {corpus}.requests SET late_batch_id = NULL
WHERE late_batch_id = %(batch_id)s AND chunk_id <> ALL(%(early)s::bigint[])
