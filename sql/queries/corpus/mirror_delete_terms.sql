-- Chunks of the next version without terms in the one in use have none either.
DELETE FROM {corpus}.chunk_terms
WHERE NOT EXISTS (SELECT FROM {used}.chunk_terms used WHERE used.chunk_id = chunk_terms.chunk_id)
