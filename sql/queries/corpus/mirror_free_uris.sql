-- A name that the corpus in use has under another id is free for that one; the row that had it is named anew, or goes.
UPDATE {corpus}.documents SET uri = gen_random_uuid()::text
FROM {used}.documents used
WHERE used.uri = documents.uri AND used.id <> documents.id
