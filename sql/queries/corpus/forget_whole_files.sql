-- Files of records of which no document stands any more.
DELETE FROM {corpus}.whole_files f
WHERE NOT EXISTS (SELECT FROM {corpus}.documents d WHERE d.source = f.source AND split_part(d.uri, '#', 1) = f.uri)
