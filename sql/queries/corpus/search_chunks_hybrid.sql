-- The chunks nearest to a vector and those that have the terms of a question, by both: each score as a share of the most
-- that it can be, which depends on no other passage (theoretical normalisation: (1 + cosine)/2, and BM25 over its bound).
WITH nearest AS MATERIALIZED (
    SELECT n.id FROM ({nearest}) n
), worded AS MATERIALIZED (
    {matching}
), scored AS (
    SELECT c.id, c.document_id, c.headings, c.ordinal, c.content, c.table_header, c.first_page, c.last_page,
           NOT c.superseded AS is_current, w.score AS words,
           1 - coalesce(nullif(c.embedding OPERATOR({vector}.<=>) {embedding}, 'NaN'), 1) AS similarity,
           coalesce(w.score / nullif(w.most, 0), 0) AS share
    FROM worded w JOIN {chunks} c ON c.id = w.chunk_id
    WHERE w.place <= {candidates} OR c.id IN (SELECT id FROM nearest)
), fused AS (
    SELECT s.*, {weight} * s.share + (1 - {weight}) * (1 + s.similarity) / 2 AS score
    FROM scored s
    ORDER BY score DESC, s.id LIMIT {limit}
)
SELECT f.score, d.uri, d.title, f.headings, f.ordinal, f.content, f.table_header, f.first_page, f.last_page,
       CASE WHEN f.is_current THEN d.first_lines[f.ordinal + 1] END AS first_line,
       CASE WHEN f.is_current THEN d.last_lines[f.ordinal + 1] END AS last_line,
       f.id, d.metadata, f.similarity, f.words, f.is_current
FROM fused f JOIN {documents} d ON d.id = f.document_id
ORDER BY f.score DESC, f.id
