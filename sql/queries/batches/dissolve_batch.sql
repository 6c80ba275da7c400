-- A batch that the provider never took: its requests wait again.
WITH returned AS (UPDATE {corpus}.requests SET batch_id = NULL WHERE batch_id = %(id)s)
UPDATE {corpus}.batches SET state = 'done', done_at = now(), message = %(message)s WHERE id = %(id)s
