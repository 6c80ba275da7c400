-- Rows that lost the vector we gave them, with the column or one by one: they are read again.
UPDATE {corpus}.documents SET content_hash = '', source_version = NULL
FROM {corpus}.filled_rows f, {table} AS t
WHERE f.document_id OPERATOR(pg_catalog.=) documents.id
  AND f.content_hash OPERATOR(pg_catalog.=) documents.content_hash
  AND {row_of_documents}
  AND t.{column} IS NULL
