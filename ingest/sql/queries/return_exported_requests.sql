-- Exported requests back in line; their batches are done.
WITH returned AS (UPDATE batches SET state = 'done', done_at = now(), message = 'returned to the line'
                  WHERE state = 'exported' RETURNING id)
UPDATE requests SET batch_id = NULL FROM returned WHERE batch_id = returned.id
