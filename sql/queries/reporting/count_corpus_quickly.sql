-- The documents, the chunks, and those with a vector. A large table of chunks is not read for that, as to count a million
-- takes seconds: its size is told as the planner knows it, and what has a vector is null.
SELECT (SELECT count(*) FROM {corpus}.documents),
       CASE WHEN is_large THEN (tuples / pages_then * pages_now)::bigint ELSE (SELECT count(*) FROM {corpus}.chunks) END,
       CASE WHEN NOT is_large THEN (SELECT count(*) FROM {corpus}.chunks WHERE embedding IS NOT NULL) END
FROM (SELECT reltuples AS tuples, relpages AS pages_then, pages_now,
             pages_now > %(most_pages)s AND relpages > 0 AND reltuples >= 0 AS is_large
      FROM pg_class, LATERAL (SELECT pg_relation_size(oid) / current_setting('block_size')::int AS pages_now) now
      WHERE oid = '{corpus}.chunks'::regclass) size
