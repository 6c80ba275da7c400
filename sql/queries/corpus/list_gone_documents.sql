-- Documents of these sources that were not seen, some at a time.
SELECT id, uri FROM {corpus}.documents
WHERE source = ANY(%(sources)s) AND id > %(after)s
  AND NOT EXISTS (SELECT FROM unnest(%(seen_ids)s::bigint[]) seen WHERE seen = documents.id)
ORDER BY id LIMIT %(limit)s
