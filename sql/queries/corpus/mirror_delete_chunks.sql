-- Chunks that the corpus in use has no more, or has replaced.
DELETE FROM {corpus}.chunks
WHERE NOT EXISTS (SELECT FROM {used}.chunks used WHERE used.id = chunks.id AND NOT used.superseded)
