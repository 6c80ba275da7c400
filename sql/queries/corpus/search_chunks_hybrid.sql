-- The chunks nearest to a vector and those that hold the words of a question, by reciprocal rank fusion (k = 60).
WITH nearest AS (
    SELECT n.id, n.distance FROM ({nearest}) n
), matching AS (
    SELECT id, ts_rank_cd(to_tsvector({configuration}, content), words) AS match
    FROM {chunks} c, websearch_to_tsquery({configuration}, {text}) AS words
    WHERE {wanted} AND to_tsvector({configuration}, content) @@ words
    ORDER BY match DESC, id
    LIMIT {candidates}
), ranked AS (
    SELECT id, row_number() OVER (ORDER BY distance, id) AS place FROM nearest
    UNION ALL
    SELECT id, row_number() OVER (ORDER BY match DESC, id) AS place FROM matching
), fused AS (
    SELECT id, sum(1.0 / (60 + place))::float8 AS score FROM ranked GROUP BY id
)
SELECT f.score, d.uri, d.title, c.headings, c.ordinal, c.content, c.table_header, c.first_page, c.last_page, c.id, d.metadata
FROM fused f JOIN {chunks} c ON c.id = f.id JOIN {documents} d ON d.id = c.document_id
ORDER BY f.score DESC, c.id
LIMIT {limit}
