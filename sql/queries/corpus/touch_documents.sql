-- Read again and found unchanged: remember the file's new size and time, its title and its source.
UPDATE {corpus}.documents SET source_version = u.version, source = u.source, title = u.title
FROM unnest(%(ids)s::bigint[], %(versions)s::text[], %(sources)s::text[], %(titles)s::text[])
     AS u(id, version, source, title)
WHERE documents.id = u.id
