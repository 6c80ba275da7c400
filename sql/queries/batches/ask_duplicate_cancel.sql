-- We asked the provider to cancel it.
UPDATE {corpus}.duplicates SET cancel_asked_at = now() WHERE provider_batch_id = %(provider_batch_id)s
