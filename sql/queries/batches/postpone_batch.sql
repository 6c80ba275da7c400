-- Something is wrong with this batch alone: it is looked at again later, and each time twice as much later.
UPDATE {corpus}.batches SET
    not_before = now() + make_interval(secs => %(pause_seconds)s * 2 ^ least(greatest(tries + 1, %(tries)s), 15)),
    message = %(message)s, tries = greatest(tries + 1, %(tries)s),
    provider_completed = greatest(provider_completed, %(completed)s)
WHERE id = %(id)s AND state NOT IN ('done', 'exported')
