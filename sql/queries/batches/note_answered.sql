-- So many of a shard's texts are answered by now.
UPDATE {corpus}.batches SET provider_completed = %(completed)s, progressed_at = now() WHERE id = %(id)s
