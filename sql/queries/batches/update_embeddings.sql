-- The heart: vectors into the column, on every chunk whose text is the one that was sent, and on no other.
UPDATE {corpus}.chunks SET embedding = u.embedding
FROM unnest(%(text_hashes)s::bytea[], %(embeddings)s::{type}[]) AS u(text_hash, embedding)
WHERE chunks.text_hash = u.text_hash AND chunks.embedding IS NULL
RETURNING chunks.document_id
