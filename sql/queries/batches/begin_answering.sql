-- A shard is answered from now on, by the run that sends now and at its synchronous price.
UPDATE {corpus}.batches SET
    state = 'answering', mode = 'sync', endpoint = %(endpoint)s, run_at = corpus.run_at,
    usd_per_million = corpus.usd_per_million_sync, token_ratio = corpus.token_ratio, progressed_at = now(),
    message = NULL, not_before = NULL
FROM {corpus}.corpus WHERE batches.id = %(id)s AND state = 'ready'
