-- The chunks that have the terms of a question, the best first by BM25.
SELECT w.score, d.uri, d.title, c.headings, c.ordinal, c.content, c.table_header, c.first_page, c.last_page,
       CASE WHEN NOT c.superseded THEN d.first_lines[c.ordinal + 1] END AS first_line,
       CASE WHEN NOT c.superseded THEN d.last_lines[c.ordinal + 1] END AS last_line,
       c.id, d.metadata, NULL::float8 AS similarity, w.score AS words, NOT c.superseded AS is_current
FROM (
    SELECT m.chunk_id, m.score FROM ({matching}) m WHERE m.score > 0 ORDER BY m.score DESC, m.chunk_id LIMIT {limit}
) w JOIN {chunks} c ON c.id = w.chunk_id JOIN {documents} d ON d.id = c.document_id
ORDER BY w.score DESC, c.id
