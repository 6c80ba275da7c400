-- Read again and found unchanged: remember the file's new size and time, its title, its source, and what is kept with it.
UPDATE {corpus}.documents SET source_version = u.version, source = u.source, title = u.title, metadata = u.metadata
FROM unnest(%(ids)s::bigint[], %(versions)s::text[], %(sources)s::text[], %(titles)s::text[], %(metadata)s::jsonb[])
     AS u(id, version, source, title, metadata)
WHERE documents.id = u.id
