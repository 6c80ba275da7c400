-- We asked the provider to cancel it.
UPDATE {corpus}.batches SET cancel_asked_at = now(), progressed_at = now(), message = %(message)s
WHERE id = %(id)s AND state = 'submitted'
