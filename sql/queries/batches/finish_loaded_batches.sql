-- Batches whose texts were all loaded by hand: those that were exported, and those whose files were not to be had.
UPDATE {corpus}.batches SET state = 'done', done_at = now(), loaded_count = request_count
WHERE state IN ('exported', 'finished') AND NOT EXISTS (SELECT FROM {corpus}.requests WHERE batch_id = batches.id)
