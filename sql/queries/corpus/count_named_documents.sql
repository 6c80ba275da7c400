-- How many documents are of these sources, have one of these URIs, or one that begins so; and their tokens.
SELECT count(*), coalesce(sum((SELECT sum(token_count) FROM {corpus}.chunks
                               WHERE document_id = d.id AND NOT superseded)), 0)::bigint
FROM {corpus}.documents d
WHERE source = ANY(%(sources)s) OR uri = ANY(%(uris)s)
   OR EXISTS (SELECT FROM unnest(%(prefixes)s::text[]) AS p(prefix) WHERE starts_with(uri, prefix))
