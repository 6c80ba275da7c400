-- Rows of a table beside the documents that they are: those that are not as they were, with their versions and sizes, and the
-- last of all, beside which stand how many there are, and the ids of the documents that are as they were.
WITH listed ({names}) AS MATERIALIZED ({rows}),
numbered AS (SELECT l.*, pg_catalog.row_number() OVER () AS place, pg_catalog.count(*) OVER () AS total FROM listed l),
compared AS MATERIALIZED (SELECT r.*, ({standing}) AS same FROM numbered r)
SELECT {names}, same, total,
       CASE WHEN place OPERATOR(pg_catalog.=) total
            THEN (SELECT pg_catalog.array_agg(same) FILTER (WHERE same IS NOT NULL) FROM compared) END
FROM compared
WHERE same IS NULL OR place OPERATOR(pg_catalog.=) total
ORDER BY place
