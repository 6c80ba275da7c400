-- A search, and the version of the corpus that it was made in: a swap may have put another one under the name. And what
-- stands for the indexes that its passages have: another number, and they are others. And
-- the languages of its terms, where all passages have theirs.
SELECT held.id, indexed.stamp, CASE WHEN held.terms_filled THEN held.languages END, found.*
FROM {corpus} held
CROSS JOIN LATERAL (
    SELECT coalesce(sum(i.indexrelid::bigint), 0)::bigint AS stamp
    FROM pg_index i
    WHERE i.indrelid = to_regclass({chunks}) AND i.indisvalid
) indexed
LEFT JOIN LATERAL ({query}) found ON true
