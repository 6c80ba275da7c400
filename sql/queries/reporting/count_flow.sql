-- The texts of the chunks in use by what became of them: how many there are, and how many chunks share them besides.
WITH texts AS (
    SELECT text_hash, count(*) AS chunks, bool_or(embedding IS NOT NULL) AS embedded
    FROM {corpus}.chunks WHERE NOT superseded GROUP BY text_hash
)
SELECT CASE WHEN embedded THEN 'embedded' WHEN r.failed THEN 'failed' WHEN r.batch_id IS NULL THEN 'waiting' ELSE 'sent' END,
       count(*), (sum(chunks) - count(*))::bigint
FROM texts LEFT JOIN {corpus}.requests r USING (text_hash) GROUP BY 1
