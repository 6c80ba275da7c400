-- Exported requests wait again; their batches are done.
WITH returned AS (UPDATE {corpus}.batches SET state = 'done', done_at = now(), message = 'returned to the line'
                  WHERE state = 'exported' RETURNING id)
UPDATE {corpus}.requests SET batch_id = NULL FROM returned WHERE batch_id = returned.id
