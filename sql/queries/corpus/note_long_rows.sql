-- Which of these documents are over the model's limit.
WITH short AS (
    DELETE FROM {corpus}.long_rows WHERE document_id = ANY(%(document_ids)s) AND document_id <> ALL(%(long_ids)s)
)
INSERT INTO {corpus}.long_rows (document_id) SELECT unnest(%(long_ids)s::bigint[]) ON CONFLICT DO NOTHING
