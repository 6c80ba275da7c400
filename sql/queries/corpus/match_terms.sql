-- The passages that have terms of a question, the best first by BM25 (Robertson), and the scores of those beside.
-- Terms are looked for from the rarest on, so long as that is no more than a bound of postings; of the commonest the
-- best passages alone are read. How often a passage has a term stands in the key itself: eight scans of the
-- index for a term. The order is by the planner's statistics; what weighs a term that is looked for is a count.
WITH asked AS MATERIALIZED (
    SELECT term, key FROM unnest({terms}::int4[], {keys}::int4[]) AS each (term, key)
), own AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, 100 * least(1, {sampled} / greatest(pg_relation_size(c.oid), 1)::float8) AS share
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = (SELECT tableoid FROM {chunk_terms} LIMIT 1)
), size AS MATERIALIZED (
    SELECT count(*) * 100 / own.share AS passages, avg(length)::float8 AS mean
    FROM own, {chunk_terms} TABLESAMPLE system ((SELECT share FROM own)) REPEATABLE (0) -- noqa: PRS
    GROUP BY own.share
), common AS MATERIALIZED (
    SELECT each.key & -8 AS key, sum(each.share) AS share
    FROM own JOIN pg_stats s ON s.schemaname = own.nspname AND s.tablename = own.relname AND s.attname = 'terms',
         LATERAL unnest(s.most_common_elems::text::int4[], s.most_common_elem_freqs) AS each (key, share)
    WHERE each.key IS NOT NULL
    GROUP BY 1
), expected AS MATERIALIZED (
    SELECT term, coalesce(sum(share), 0) * passages AS found
    FROM asked LEFT JOIN common USING (key) CROSS JOIN size
    GROUP BY term, passages
), planned AS MATERIALIZED (
    SELECT term, found, passages, mean, row_number() OVER rarest AS place,
           sum(found) OVER rarest <= greatest({postings}, passages / 10) AS is_rare
    FROM expected CROSS JOIN size
    WINDOW rarest AS (ORDER BY found, term)
), matched_rare AS MATERIALIZED (
    SELECT p.term, f.frequency, t.chunk_id, t.length
    FROM planned p JOIN asked a ON a.term = p.term
    CROSS JOIN unnest({frequencies}) WITH ORDINALITY AS f (frequency, bucket)
    CROSS JOIN LATERAL (
        SELECT chunk_id, length FROM {chunk_terms} WHERE terms @> ARRAY[a.key + f.bucket::int4 - 1]
    ) t
    WHERE p.is_rare
), sought AS MATERIALIZED ( -- where no rare term is found, the rarest of the others as well
    SELECT term, is_rare OR (
        place = (SELECT min(place) FROM planned WHERE NOT is_rare) AND NOT EXISTS (SELECT FROM matched_rare)
    ) AS is_sought
    FROM planned
), matched AS MATERIALIZED (
    SELECT term, frequency, chunk_id, length FROM matched_rare
    UNION ALL
    SELECT p.term, f.frequency, t.chunk_id, t.length
    FROM planned p JOIN sought s ON s.term = p.term AND s.is_sought JOIN asked a ON a.term = p.term
    CROSS JOIN unnest({frequencies}) WITH ORDINALITY AS f (frequency, bucket)
    CROSS JOIN LATERAL (
        SELECT chunk_id, length FROM {chunk_terms} WHERE terms @> ARRAY[a.key + f.bucket::int4 - 1]
    ) t
    WHERE NOT p.is_rare
), counted AS MATERIALIZED (
    SELECT term, count(*) AS found FROM matched GROUP BY term
), weighted AS MATERIALIZED (
    SELECT p.term, s.is_sought, p.mean,
           ({k1} + 1) * ln(1 + (p.passages - n.found + 0.5) / (n.found + 0.5)) AS weight
    FROM planned p JOIN sought s ON s.term = p.term LEFT JOIN counted c ON c.term = p.term
    CROSS JOIN LATERAL (
        SELECT least(CASE WHEN s.is_sought THEN coalesce(c.found, 0) ELSE p.found END, p.passages) AS found
    ) n
), summed AS MATERIALIZED (
    SELECT m.chunk_id, sum(w.weight * m.frequency / (m.frequency + {k1} * (1 - {b} + {b} * m.length / w.mean))) AS score
    FROM matched m JOIN weighted w ON w.term = m.term
    GROUP BY m.chunk_id
), best AS MATERIALIZED (
    SELECT s.chunk_id, s.score
    FROM (SELECT chunk_id, score FROM summed ORDER BY score DESC, chunk_id) s
    CROSS JOIN LATERAL (SELECT FROM {chunks} c WHERE c.id = s.chunk_id AND {wanted} OFFSET 0) found
    ORDER BY s.score DESC, s.chunk_id LIMIT {completed}
), looked_at AS MATERIALIZED (
    SELECT chunk_id, score FROM best
    UNION ALL
    SELECT beside.id, coalesce(s.score, 0) FROM {beside} beside LEFT JOIN summed s ON s.chunk_id = beside.id
    WHERE beside.id NOT IN (SELECT chunk_id FROM best)
), rest AS (
    SELECT l.chunk_id, sum(w.weight * f.frequency / (f.frequency + {k1} * (1 - {b} + {b} * t.length / w.mean))) AS score
    FROM looked_at l JOIN {chunk_terms} t ON t.chunk_id = l.chunk_id
    CROSS JOIN LATERAL unnest(t.terms) AS each (key)
    JOIN asked a ON a.key = each.key & -8
    JOIN weighted w ON w.term = a.term AND NOT w.is_sought
    CROSS JOIN LATERAL (SELECT ({frequencies})[(each.key & 7) + 1] AS frequency) f
    WHERE EXISTS (SELECT FROM weighted WHERE NOT is_sought)
    GROUP BY l.chunk_id
)
SELECT l.chunk_id, l.score + coalesce(r.score, 0) AS score,
       (SELECT sum(weight) FROM weighted) AS most,
       row_number() OVER (ORDER BY l.score + coalesce(r.score, 0) DESC, l.chunk_id) AS place
FROM looked_at l LEFT JOIN rest r ON r.chunk_id = l.chunk_id
