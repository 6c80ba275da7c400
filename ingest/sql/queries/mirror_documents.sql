-- The documents of the corpus in use, under their ids.
INSERT INTO documents (id, uri, title, metadata, source, source_version, content_hash, updated_at)
OVERRIDING SYSTEM VALUE
SELECT id, uri, title, metadata, source, source_version, content_hash, updated_at FROM {used}.documents
ON CONFLICT (id) DO UPDATE SET
    title = EXCLUDED.title, metadata = EXCLUDED.metadata, source = EXCLUDED.source,
    source_version = EXCLUDED.source_version, content_hash = EXCLUDED.content_hash, updated_at = EXCLUDED.updated_at
WHERE (documents.title, documents.source, documents.source_version, documents.content_hash)
      IS DISTINCT FROM (EXCLUDED.title, EXCLUDED.source, EXCLUDED.source_version, EXCLUDED.content_hash)
