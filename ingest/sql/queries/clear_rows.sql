-- Rows whose new text has no vector to come (it is empty, refused, or failed) lose the vector of the text before.
WITH lost AS (
    DELETE FROM filled_rows f USING documents d
    WHERE d.id = f.document_id AND d.content_hash <> f.content_hash AND d.content_hash <> ''
      AND NOT EXISTS (SELECT FROM chunks c WHERE c.document_id = d.id AND NOT c.superseded AND NOT EXISTS (
                          SELECT FROM requests r WHERE r.text_hash = c.text_hash AND r.failed))
    RETURNING (d.metadata ->> 'key')::{key_type} AS row_key
)
UPDATE {table} AS t SET {column} = NULL FROM lost WHERE t.{key} = lost.row_key
