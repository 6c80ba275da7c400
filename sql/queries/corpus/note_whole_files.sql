-- Files of records that were read whole; not those of which more documents stand, as it could not be told that these are gone.
INSERT INTO {corpus}.whole_files (uri, source, version, document_count, digest)
SELECT DISTINCT ON (u.uri) u.uri, u.source, u.version, count(*), sum(hashtextextended(d.uri || ' ' || d.source_version, 0))
FROM unnest(%(uris)s::text[], %(sources)s::text[], %(versions)s::text[], %(counts)s::integer[])
     AS u(uri, source, version, document_count)
JOIN {corpus}.documents d ON d.source = u.source AND split_part(d.uri, '#', 1) = u.uri
GROUP BY u.uri, u.source, u.version, u.document_count
HAVING count(*) = u.document_count AND count(*) = count(d.source_version)
ORDER BY u.uri
ON CONFLICT (uri) DO UPDATE SET
    source = EXCLUDED.source, version = EXCLUDED.version, document_count = EXCLUDED.document_count, digest = EXCLUDED.digest
