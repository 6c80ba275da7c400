-- The documents that are meant by these URIs, or by the ends of theirs, from a slash on.
SELECT asked.uri, d.id, d.uri
FROM unnest(%(uris)s::text[]) AS asked (uri)
JOIN {corpus}.documents d ON substring(d.uri FROM '[^/]*$') = substring(asked.uri FROM '[^/]*$')
WHERE d.uri = asked.uri OR right(d.uri, length(asked.uri) + 1) = '/' || asked.uri
ORDER BY asked.uri, d.uri
