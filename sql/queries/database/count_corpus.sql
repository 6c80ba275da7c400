-- The size of the corpus, in the order of the fields of `CorpusSize`: a pass over all chunks.
SELECT (SELECT count(*) FROM {corpus}.documents),
       count(*),
       count(*) FILTER (WHERE embedding IS NOT NULL),
       coalesce(sum(token_count) FILTER (WHERE NOT superseded), 0)::bigint
FROM {corpus}.chunks
