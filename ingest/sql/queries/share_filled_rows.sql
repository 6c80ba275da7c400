-- A row whose text another row has, too, takes that one's vector; if what stands there is still the text it is of.
UPDATE chunks SET embedding = twin.embedding
FROM documents d
CROSS JOIN LATERAL (
    SELECT t.{column} AS embedding
    FROM filled_rows f JOIN documents other ON other.id = f.document_id
    JOIN {table} AS t ON t.{key} = (other.metadata ->> 'key')::{key_type}
    WHERE f.content_hash = d.content_hash AND vector_dims(t.{column}) = {dimensions}
      AND sha256(convert_to(%(hash_prefix)s || coalesce(t.{text}::text, ''), 'UTF8')) = d.content_hash
    LIMIT 1
) AS twin
WHERE d.id = ANY(%(document_ids)s) AND chunks.document_id = d.id AND chunks.embedding IS NULL
  AND NOT EXISTS (SELECT FROM chunks part WHERE part.document_id = d.id AND part.id <> chunks.id AND NOT part.superseded)
