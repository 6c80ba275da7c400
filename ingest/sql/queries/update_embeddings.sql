-- The heart: vectors into the column, on every chunk whose text is the one that was sent, and on no other.
UPDATE chunks SET embedding = u.embedding
FROM unnest(%(chunk_ids)s::bigint[], %(embeddings)s::{type}[]) AS u(chunk_id, embedding)
JOIN requests r ON r.chunk_id = u.chunk_id
WHERE chunks.text_hash = r.text_hash AND chunks.embedding IS NULL
RETURNING chunks.document_id
