-- These requests are answered.
DELETE FROM {corpus}.requests WHERE chunk_id = ANY(%(chunk_ids)s::bigint[])
