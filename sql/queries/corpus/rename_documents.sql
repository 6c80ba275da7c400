-- Documents of a source that has a name now: under their new URIs, but where one is there already.
UPDATE {corpus}.documents SET uri = u.new_uri
FROM unnest(%(uris)s::text[], %(new_uris)s::text[]) AS u(uri, new_uri)
WHERE documents.uri = u.uri AND NOT EXISTS (SELECT FROM {corpus}.documents there WHERE there.uri = u.new_uri)
RETURNING documents.uri
