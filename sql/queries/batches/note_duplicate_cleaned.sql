-- Its files at the provider are deleted.
UPDATE {corpus}.duplicates SET cleaned_at = now() WHERE provider_batch_id = %(provider_batch_id)s
