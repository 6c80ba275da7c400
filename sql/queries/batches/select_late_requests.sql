-- What the files of a batch that was given up may still answer: not what is on its way again.
SELECT chunk_id, text_hash FROM {corpus}.requests WHERE late_batch_id = %(batch_id)s AND batch_id IS NULL
