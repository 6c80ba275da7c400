-- The provider has no room for it now: the same file will be tried again, as a new batch under this key.
UPDATE {corpus}.batches SET
    state = 'uploaded', key = %(key)s, provider_batch_id = NULL, provider_status = NULL, provider_completed = 0,
    refusals = refusals + 1, tries = %(tries)s, message = %(message)s,
    not_before = now() + make_interval(secs => %(wait_seconds)s)
WHERE id = %(id)s AND state IN ('creating', 'submitted')
