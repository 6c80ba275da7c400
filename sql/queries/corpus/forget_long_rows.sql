-- Rows over the model's limit are read again, as something else is to become of them; the vectors they have are of no use to
-- others from now on.
WITH forgotten AS (
    UPDATE {corpus}.documents SET content_hash = '', source_version = NULL
    FROM {corpus}.long_rows l WHERE l.document_id = documents.id
)
UPDATE {corpus}.filled_rows SET content_hash = '\x00' FROM {corpus}.long_rows l WHERE l.document_id = filled_rows.document_id
