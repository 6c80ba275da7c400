-- Its files at the provider are deleted.
UPDATE batches SET cleaned_at = now() WHERE id = %(id)s
