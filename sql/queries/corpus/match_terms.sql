-- The passages that have terms of a question, the best first by BM25 (Robertson), and the scores of those beside.
-- How often a passage has a term stands in the key itself, so each term is eight lists of passages. They are read from
-- the one that can add most to a score on, until a bound would be passed and there are as many as are wanted; what the
-- lists that are left add is read of the best passages alone, in their own terms. The order is by the planner's statistics,
-- and what weighs a list that is read is a count.
WITH RECURSIVE own AS MATERIALIZED (
    SELECT n.nspname, c.relname, 100 * least(1, {sampled} / greatest(pg_relation_size(c.oid), 1)::float8) AS share,
           nullif(c.reltuples, -1) * pg_relation_size(c.oid) / nullif(c.relpages * current_setting('block_size')::int8, 0) AS live
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = (SELECT tableoid FROM {chunk_terms} LIMIT 1)
), size AS MATERIALIZED ( -- a sample may have more pages than its share: the planner knows better how many passages there are
    SELECT CASE WHEN own.share < 100 THEN coalesce(own.live, count(*) * 100 / own.share) ELSE count(*) END AS passages,
           avg(length)::float8 AS mean
    FROM own, {chunk_terms} TABLESAMPLE system ((SELECT share FROM own)) REPEATABLE (0) -- noqa: PRS
    GROUP BY own.share, own.live
), common AS MATERIALIZED (
    SELECT each.key, each.share
    FROM own JOIN pg_stats s ON s.schemaname = own.nspname AND s.tablename = own.relname AND s.attname = 'terms',
         LATERAL unnest(s.most_common_elems::text::int4[], s.most_common_elem_freqs) AS each (key, share)
    WHERE each.key IS NOT NULL
), expected AS MATERIALIZED (
    SELECT row_number() OVER () AS number, a.term, a.key + f.bucket::int4 - 1 AS key, f.frequency,
           coalesce(c.share, 0) * size.passages AS found, size.passages, size.mean
    FROM size CROSS JOIN unnest({terms}::int4[], {keys}::int4[]) AS a (term, key)
    CROSS JOIN unnest({frequencies}) WITH ORDINALITY AS f (frequency, bucket)
    LEFT JOIN common c ON c.key = a.key + f.bucket::int4 - 1
), list AS MATERIALIZED (
    SELECT e.term, e.key, e.frequency, e.found, e.passages, e.mean,
           row_number() OVER (ORDER BY rare.weight * e.frequency / (e.frequency + {k1}) DESC, e.number) AS place
    FROM expected e JOIN (
        SELECT term, ln(1 + (passages + 0.5) / (sum(found) + 0.5)) AS weight FROM expected GROUP BY term, passages
    ) rare ON rare.term = e.term
), bound AS MATERIALIZED ( -- none where there are no statistics: a rare term could be the last
    SELECT greatest({postings}, passages / 7) AS postings FROM size WHERE EXISTS (SELECT FROM common)
), reading AS (
    SELECT 0::int8 AS place, 0::int8 AS total, NULL::int8[] AS ids, NULL::int4[] AS lengths
    UNION ALL
    SELECT l.place, r.total + coalesce(cardinality(found.ids), 0), found.ids, found.lengths
    FROM reading r JOIN list l ON l.place = r.place + 1
    CROSS JOIN LATERAL (
        SELECT array_agg(chunk_id) AS ids, array_agg(length) AS lengths FROM {chunk_terms} WHERE terms @> ARRAY[l.key]
    ) found
    WHERE r.total < {candidates} OR (r.total + l.found > (SELECT postings FROM bound)) IS NOT TRUE
), rarity AS MATERIALIZED (
    SELECT each.term, ({k1} + 1) * ln(1 + (each.passages - n.found + 0.5) / (n.found + 0.5)) AS weight
    FROM (
        SELECT l.term, l.passages,
               sum(CASE WHEN r.place IS NULL THEN l.found ELSE coalesce(cardinality(r.ids), 0) END) AS found
        FROM list l LEFT JOIN reading r ON r.place = l.place
        GROUP BY l.term, l.passages
    ) each CROSS JOIN LATERAL (SELECT least(each.found, each.passages) AS found) n
), weighted AS MATERIALIZED ( -- what a list adds to the score of a passage: weight / (base + slope * length)
    SELECT l.place, l.term, l.key, l.place <= (SELECT max(place) FROM reading) AS is_read, r.weight * l.frequency AS weight,
           l.frequency + {k1} * (1 - {b}) AS base, {k1} * {b} / l.mean AS slope
    FROM list l JOIN rarity r ON r.term = l.term
), unread AS MATERIALIZED ( -- the most that the lists that are left can add
    SELECT coalesce(sum(each.most), 0) AS most
    FROM (SELECT max(weight / base) AS most FROM weighted WHERE NOT is_read GROUP BY term, key & -8) each
), summed AS MATERIALIZED (
    SELECT each.chunk_id, sum(each.weight / (each.base + each.slope * each.length)) AS score
    FROM (
        SELECT w.weight, w.base, w.slope, unnest(r.ids) AS chunk_id, unnest(r.lengths) AS length
        FROM reading r JOIN weighted w ON w.place = r.place
    ) each
    GROUP BY each.chunk_id
), likely AS MATERIALIZED (
    SELECT s.chunk_id, s.score
    FROM (SELECT chunk_id, score FROM summed ORDER BY score DESC, chunk_id) s
    CROSS JOIN LATERAL (SELECT FROM {chunks} c WHERE c.id = s.chunk_id AND {wanted} OFFSET 0) found
    ORDER BY s.score DESC, s.chunk_id LIMIT {completed}
), best AS MATERIALIZED ( -- without those that can no more be among the wanted ones
    SELECT chunk_id, score
    FROM likely
    WHERE score >= (
        SELECT min(first.score) - min(unread.most)
        FROM (SELECT score FROM likely ORDER BY score DESC LIMIT {candidates}) first CROSS JOIN unread
    )
), looked_at AS MATERIALIZED (
    SELECT chunk_id, score FROM best
    UNION ALL
    SELECT beside.id, coalesce(s.score, 0) FROM {beside} beside LEFT JOIN summed s ON s.chunk_id = beside.id
    WHERE beside.id NOT IN (SELECT chunk_id FROM best)
), rest AS (
    SELECT each.chunk_id, sum(w.weight / (w.base + w.slope * each.length)) AS score
    FROM (
        SELECT l.chunk_id, t.length, unnest(t.terms) AS key
        FROM looked_at l JOIN {chunk_terms} t ON t.chunk_id = l.chunk_id
        WHERE EXISTS (SELECT FROM weighted WHERE NOT is_read)
    ) each JOIN weighted w ON w.key = each.key AND NOT w.is_read
    GROUP BY each.chunk_id
)
SELECT l.chunk_id, l.score + coalesce(r.score, 0) AS score,
       (SELECT sum(weight) FROM rarity) AS most,
       row_number() OVER (ORDER BY l.score + coalesce(r.score, 0) DESC, l.chunk_id) AS place
FROM looked_at l LEFT JOIN rest r ON r.chunk_id = l.chunk_id
