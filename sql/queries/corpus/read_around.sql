-- Passages and those around them in their documents, as these are now, in their order.
SELECT hit.id, c.id, c.ordinal, c.headings, c.content, c.table_header, c.first_page, c.last_page,
       CASE WHEN NOT c.superseded THEN d.first_lines[c.ordinal + 1] END AS first_line,
       CASE WHEN NOT c.superseded THEN d.last_lines[c.ordinal + 1] END AS last_line
FROM {corpus}.chunks hit
JOIN {corpus}.chunks c ON c.document_id = hit.document_id
    AND c.ordinal BETWEEN hit.ordinal - %(before_count)s AND hit.ordinal + %(after_count)s
JOIN {corpus}.documents d ON d.id = hit.document_id
WHERE hit.id = ANY(%(ids)s) AND (c.id = hit.id OR (NOT c.superseded AND c.ordinal <> hit.ordinal))
ORDER BY hit.id, c.ordinal
