-- New documents, and changed ones under their old id.
INSERT INTO {corpus}.documents (uri, title, metadata, source, source_version, content_hash, chunks_hash)
SELECT * FROM unnest(%(uris)s::text[], %(titles)s::text[], %(metadata)s::jsonb[], %(sources)s::text[],
                     %(versions)s::text[], %(hashes)s::bytea[], %(chunks_hashes)s::bytea[])
ON CONFLICT (uri) DO UPDATE SET
    title = EXCLUDED.title, metadata = EXCLUDED.metadata, source = EXCLUDED.source,
    source_version = EXCLUDED.source_version, content_hash = EXCLUDED.content_hash,
    chunks_hash = EXCLUDED.chunks_hash, updated_at = now()
RETURNING uri, id
