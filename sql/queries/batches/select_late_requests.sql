-- What the files of a batch that was given up may still answer: not what is in flight again. And whether this look is the
-- last before it may be sent again.
SELECT chunk_id, text_hash, failed OR not_before IS NULL OR not_before <= now()
FROM {corpus}.requests WHERE late_batch_id = %(batch_id)s AND batch_id IS NULL
