-- A row whose text another row has, too, takes that one's vector; if what stands there is still the text it is of.
UPDATE {corpus}.chunks SET embedding = same.embedding
FROM {corpus}.documents d
CROSS JOIN LATERAL (
    SELECT t.{column} AS embedding
    FROM {corpus}.filled_rows f JOIN {corpus}.documents other ON other.id OPERATOR(pg_catalog.=) f.document_id
    JOIN {table} AS t
      ON {row_of_other}
    WHERE f.content_hash OPERATOR(pg_catalog.=) d.content_hash
      AND {vector}.vector_dims(t.{column}) OPERATOR(pg_catalog.=) {dimensions}
      AND pg_catalog.sha256(pg_catalog.convert_to(
              %(hash_prefix)s OPERATOR(pg_catalog.||) coalesce(t.{text}::pg_catalog.text, ''), 'UTF8'))
          OPERATOR(pg_catalog.=) d.content_hash
    LIMIT 1
) AS same
WHERE d.id OPERATOR(pg_catalog.=) ANY(%(document_ids)s) AND chunks.document_id OPERATOR(pg_catalog.=) d.id
  AND chunks.embedding IS NULL
  AND NOT EXISTS (SELECT FROM {corpus}.chunks part
                  WHERE part.document_id OPERATOR(pg_catalog.=) d.id AND part.id OPERATOR(pg_catalog.<>) chunks.id
                    AND NOT part.superseded)
