-- The done mark, in the transaction that brought the vectors.
UPDATE {corpus}.batches SET state = 'done', done_at = now(), loaded_count = %(loaded)s, failed_count = %(failed)s,
                   message = coalesce(%(message)s, message)
WHERE id = %(id)s
