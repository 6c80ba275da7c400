-- What failed for good, by the provider's words, the most frequent first; words that differ in numbers alone are one group.
-- Of each: a message of it, and the first few documents.
WITH grouped AS (
    SELECT coalesce(error_code, '') AS code, count(*) AS texts, min(error_message) AS message,
           (array_agg(text_hash ORDER BY chunk_id))[1:%(examples)s] AS hashes
    FROM requests WHERE failed
    GROUP BY coalesce(error_code, ''), regexp_replace(coalesce(error_message, ''), '[0-9]+', '0', 'g')
    ORDER BY count(*) DESC, code, message LIMIT %(limit)s
)
SELECT code, coalesce(message, ''), texts,
       ARRAY(SELECT DISTINCT d.uri FROM chunks c JOIN documents d ON d.id = c.document_id
             WHERE c.text_hash = ANY(hashes) ORDER BY d.uri LIMIT %(examples)s)
FROM grouped ORDER BY texts DESC, code, message
