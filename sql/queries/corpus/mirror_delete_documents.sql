-- Documents that the corpus in use has no more, their chunks with them.
DELETE FROM {corpus}.documents WHERE NOT EXISTS (SELECT FROM {used}.documents used WHERE used.id = documents.id)
