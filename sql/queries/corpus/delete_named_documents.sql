-- Documents of these sources, with one of these URIs, or with one that begins so: their chunks and vectors with them.
DELETE FROM {corpus}.documents
WHERE source = ANY(%(sources)s) OR uri = ANY(%(uris)s)
   OR EXISTS (SELECT FROM unnest(%(prefixes)s::text[]) AS p(prefix) WHERE starts_with(uri, prefix))
