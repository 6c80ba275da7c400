-- What failed for good, by the words for it, the most frequent first; words that differ in numbers alone are one group.
-- Of each: a message of it, and the first few documents.
WITH failed AS (
    SELECT chunk_id AS id, coalesce(error_code, '') AS code, coalesce(error_message, '') AS message, text_hash,
           NULL::bigint AS document_id
    FROM {corpus}.requests WHERE failed
    UNION ALL
    SELECT document_id, code, reason, NULL, document_id FROM {corpus}.unfilled_rows
), grouped AS (
    SELECT code, count(*) AS texts, min(message) AS message,
           (array_agg(text_hash ORDER BY id))[1:%(examples)s] AS text_hashes,
           (array_agg(document_id ORDER BY id))[1:%(examples)s] AS document_ids
    FROM failed
    GROUP BY code, regexp_replace(message, '[0-9]+', '0', 'g')
    ORDER BY count(*) DESC, code, message LIMIT %(limit)s
)
SELECT code, message, texts,
       ARRAY(SELECT d.uri FROM {corpus}.documents d
             WHERE d.id = ANY(document_ids)
                OR d.id IN (SELECT document_id FROM {corpus}.chunks WHERE text_hash = ANY(text_hashes))
             ORDER BY d.uri LIMIT %(examples)s)
FROM grouped ORDER BY texts DESC, code, message
