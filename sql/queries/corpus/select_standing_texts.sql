-- Those of these contents that a filled row has, whose vector can be shared: what stands there is still the text it is of.
SELECT DISTINCT f.content_hash
FROM {corpus}.filled_rows f JOIN {corpus}.documents other ON other.id OPERATOR(pg_catalog.=) f.document_id
JOIN {table} AS t ON {row_of_other}
WHERE f.content_hash OPERATOR(pg_catalog.=) ANY (%(content_hashes)s)
  AND {vector}.vector_dims(t.{column}) OPERATOR(pg_catalog.=) {dimensions}
  AND pg_catalog.sha256(pg_catalog.convert_to(
          %(hash_prefix)s OPERATOR(pg_catalog.||) coalesce(t.{text}::pg_catalog.text, ''), 'UTF8'))
      OPERATOR(pg_catalog.=) f.content_hash
