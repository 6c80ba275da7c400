-- No more is asked of a shard: what was answered is to be loaded. The status tells whether that is all of it.
UPDATE {corpus}.batches SET state = 'finished', finished_at = now(), provider_status = %(status)s
WHERE id = %(id)s AND state = 'answering'
