-- Which of these records wait for a vector, whatever their batch.
SELECT chunk_id, text_hash FROM {corpus}.requests WHERE chunk_id = ANY(%(chunk_ids)s::bigint[])
