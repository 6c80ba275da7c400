-- A shard is answered from now on, by the run that sends now and at its synchronous price.
UPDATE batches SET
    state = 'answering', mode = 'sync', endpoint = %(endpoint)s, run_at = corpus.run_at,
    usd_per_million = corpus.usd_per_million_sync, progressed_at = now(), message = NULL, not_before = NULL
FROM corpus WHERE batches.id = %(id)s AND state = 'ready'
