-- Rows that lost the vector we gave them, with the column or one by one: they are read again.
UPDATE documents SET content_hash = '', source_version = NULL
FROM filled_rows f, {table} AS t
WHERE f.document_id = documents.id AND f.content_hash = documents.content_hash
  AND t.{key} = (documents.metadata ->> 'key')::{key_type} AND t.{column} IS NULL
