-- The requests of a shard belong to its batch.
UPDATE {corpus}.requests SET batch_id = %(batch_id)s WHERE chunk_id = ANY(%(chunk_ids)s)
