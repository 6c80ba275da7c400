-- Documents that their source no longer has, their chunks and vectors with them.
DELETE FROM documents
WHERE source = ANY(%(sources)s) AND NOT EXISTS (SELECT FROM seen_documents s WHERE s.id = documents.id)
