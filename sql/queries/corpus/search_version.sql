-- A search, and the version of the corpus that it was made in: a swap may have put another one under the name. And what
-- stands for the indexes that its passages have, and what is noted of them: another number, and they are others. And
-- the languages of its terms, where all passages have theirs.
SELECT held.id, indexed.stamp, CASE WHEN held.terms_filled THEN held.languages END, found.*
FROM {corpus} held
CROSS JOIN LATERAL (
    SELECT coalesce(sum(i.indexrelid::bigint + coalesce(hashtext(d.description), 0)), 0)::bigint AS stamp
    FROM pg_index i
    LEFT JOIN pg_description d ON d.objoid = i.indexrelid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE i.indrelid = to_regclass({chunks}) AND i.indisvalid
) indexed
LEFT JOIN LATERAL ({query}) found ON true
