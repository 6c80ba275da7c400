-- Exported batches of which nothing is outstanding any more.
UPDATE batches SET state = 'done', done_at = now(), loaded_count = request_count
WHERE state = 'exported' AND NOT EXISTS (SELECT FROM requests WHERE batch_id = batches.id)
