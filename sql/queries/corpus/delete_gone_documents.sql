-- Documents that their source no longer has, their chunks and vectors with them.
DELETE FROM {corpus}.documents
WHERE source = ANY(%(sources)s) AND NOT EXISTS (SELECT FROM unnest(%(seen_ids)s::bigint[]) seen WHERE seen = documents.id)
