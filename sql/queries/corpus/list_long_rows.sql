-- The documents over the model's limit, and their contents.
SELECT d.id, d.content_hash FROM {corpus}.long_rows l JOIN {corpus}.documents d ON d.id = l.document_id
