-- What is known of these documents, to tell the unchanged ones.
SELECT uri, id, title, source, source_version, content_hash FROM documents WHERE uri = ANY(%(uris)s)
