-- The next documents whose values have not been looked for.
SELECT id, metadata FROM {corpus}.documents
WHERE filter_values IS NULL AND id > %(after)s ORDER BY id LIMIT %(limit)s
