-- What a batch's files may answer.
SELECT chunk_id, text_hash FROM {corpus}.requests WHERE batch_id = %(batch_id)s
