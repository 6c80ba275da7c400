-- A batch's requests in the order of the lines of its shard.
SELECT chunk_id FROM requests WHERE batch_id = %(batch_id)s ORDER BY chunk_id
