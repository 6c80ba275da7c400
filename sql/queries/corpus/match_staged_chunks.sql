-- Pair each staged chunk with a stored one of its document that has the same text, the n-th with the n-th:
-- a passage that only moved keeps its row, its id and its vector.
WITH stored AS (
    SELECT id, document_id, text_hash, content,
           row_number() OVER (PARTITION BY document_id, text_hash, content ORDER BY superseded, ordinal, id) AS nth
    FROM {corpus}.chunks WHERE document_id = ANY(%(document_ids)s)
), fresh AS (
    SELECT document_id, ordinal, text_hash, content,
           row_number() OVER (PARTITION BY document_id, text_hash, content ORDER BY ordinal) AS nth
    FROM pg_temp.staged_chunks WHERE document_id = ANY(%(document_ids)s)
)
UPDATE pg_temp.staged_chunks SET chunk_id = stored.id
FROM stored JOIN fresh USING (document_id, text_hash, content, nth)
WHERE staged_chunks.document_id = fresh.document_id AND staged_chunks.ordinal = fresh.ordinal
