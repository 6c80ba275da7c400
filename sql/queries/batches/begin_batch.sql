-- A shard leaves for the provider that is in use now.
UPDATE {corpus}.batches SET state = 'uploading', endpoint = %(endpoint)s, message = NULL, tries = 0, not_before = NULL
WHERE id = %(id)s
