-- The size of the corpus, for the summary.
SELECT (SELECT count(*) FROM documents),
       count(*),
       count(*) FILTER (WHERE embedding IS NOT NULL),
       coalesce(sum(token_count), 0)::bigint
FROM chunks
