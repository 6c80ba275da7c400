-- Its files at the provider are deleted.
UPDATE {corpus}.batches SET cleaned_at = now() WHERE id = %(id)s
