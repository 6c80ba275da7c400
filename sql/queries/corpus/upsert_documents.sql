-- New documents, and changed ones under their old id.
INSERT INTO {corpus}.documents (uri, title, metadata, source, source_version, content_hash, chunks_hash,
                                line_marks, first_lines, last_lines)
SELECT u.uri, u.title, u.metadata, u.source, u.version, u.content_hash, u.chunks_hash,
       u.line_marks::integer[], u.first_lines::integer[], u.last_lines::integer[]
FROM unnest(%(uris)s::text[], %(titles)s::text[], %(metadata)s::jsonb[], %(sources)s::text[],
            %(versions)s::text[], %(hashes)s::bytea[], %(chunks_hashes)s::bytea[],
            %(line_marks)s::text[], %(first_lines)s::text[], %(last_lines)s::text[])
     AS u(uri, title, metadata, source, version, content_hash, chunks_hash, line_marks, first_lines, last_lines)
ON CONFLICT (uri) DO UPDATE SET
    title = EXCLUDED.title, metadata = EXCLUDED.metadata, source = EXCLUDED.source,
    source_version = EXCLUDED.source_version, content_hash = EXCLUDED.content_hash,
    chunks_hash = EXCLUDED.chunks_hash, line_marks = EXCLUDED.line_marks, first_lines = EXCLUDED.first_lines,
    last_lines = EXCLUDED.last_lines, updated_at = now()
RETURNING uri, id
