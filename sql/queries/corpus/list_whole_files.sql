-- Files of records that were read whole, and whose documents stand as they did then: their versions, and the ids of those.
SELECT f.source, f.uri, f.version, array_agg(d.id)
FROM {corpus}.whole_files f
JOIN {corpus}.documents d ON d.source = f.source AND split_part(d.uri, '#', 1) = f.uri
WHERE f.source = ANY(%(sources)s)
GROUP BY f.uri
HAVING count(*) = f.document_count AND sum(hashtextextended(d.uri || ' ' || d.source_version, 0)) = f.digest
