-- These requests are answered.
DELETE FROM requests WHERE chunk_id = ANY(%(chunk_ids)s::bigint[])
