-- Documents that are gone, and whose content came back under another name in this sync.
SELECT count(*) FROM documents gone
WHERE source = ANY(%(sources)s) AND NOT EXISTS (SELECT FROM seen_documents s WHERE s.id = gone.id)
  AND EXISTS (SELECT FROM documents fresh
              WHERE fresh.id = ANY(%(new_ids)s) AND fresh.content_hash = gone.content_hash)
