-- The chunks nearest to a vector, with their documents and their distances.
SELECT n.distance, d.uri, d.title, c.headings, c.ordinal, c.content, c.table_header, c.first_page, c.last_page,
       CASE WHEN NOT c.superseded THEN d.first_lines[c.ordinal + 1] END AS first_line,
       CASE WHEN NOT c.superseded THEN d.last_lines[c.ordinal + 1] END AS last_line,
       c.id, d.metadata, NULL::float8 AS similarity, NULL::float8 AS words, NOT c.superseded AS is_current
FROM ({nearest}) n JOIN {chunks} c ON c.id = n.id JOIN {documents} d ON d.id = c.document_id
ORDER BY n.distance, n.id
