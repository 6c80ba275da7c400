-- The documents of the corpus in use, under their ids: a row that was another document becomes this one.
INSERT INTO {corpus}.documents (id, uri, title, metadata, source, source_version, content_hash, chunks_hash,
                                line_marks, first_lines, last_lines, filter_values, updated_at)
OVERRIDING SYSTEM VALUE
SELECT used.id, used.uri, used.title, used.metadata, used.source, used.source_version, used.content_hash,
       used.chunks_hash, used.line_marks, used.first_lines, used.last_lines, used.filter_values, used.updated_at
FROM {used}.documents used LEFT JOIN {corpus}.documents here ON here.id = used.id
WHERE (here.uri, here.title, here.metadata, here.source, here.source_version, here.content_hash, here.chunks_hash,
       here.line_marks, here.first_lines, here.last_lines, here.filter_values)
      IS DISTINCT FROM
      (used.uri, used.title, used.metadata, used.source, used.source_version, used.content_hash, used.chunks_hash,
       used.line_marks, used.first_lines, used.last_lines, used.filter_values)
ON CONFLICT (id) DO UPDATE SET
    uri = EXCLUDED.uri, title = EXCLUDED.title, metadata = EXCLUDED.metadata, source = EXCLUDED.source,
    source_version = EXCLUDED.source_version, content_hash = EXCLUDED.content_hash,
    chunks_hash = EXCLUDED.chunks_hash, line_marks = EXCLUDED.line_marks, first_lines = EXCLUDED.first_lines,
    last_lines = EXCLUDED.last_lines, filter_values = EXCLUDED.filter_values, updated_at = EXCLUDED.updated_at
