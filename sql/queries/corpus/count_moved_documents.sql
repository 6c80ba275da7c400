-- Documents that are gone, and whose content came back under another name in this sync.
SELECT count(*) FROM {corpus}.documents gone
WHERE source = ANY(%(sources)s) AND NOT EXISTS (SELECT FROM unnest(%(seen_ids)s::bigint[]) seen WHERE seen = gone.id)
  AND EXISTS (SELECT FROM {corpus}.documents fresh
              WHERE fresh.id = ANY(%(new_ids)s) AND fresh.content_hash = gone.content_hash)
