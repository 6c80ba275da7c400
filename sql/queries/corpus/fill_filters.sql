-- The passages of documents have what these have in the fields; those that have it already are not written.
UPDATE {corpus}.chunks SET ({targets}) = (SELECT {found})
FROM {corpus}.documents d
WHERE d.id = chunks.document_id AND d.id = ANY(%(document_ids)s) AND ROW({columns}) IS DISTINCT FROM ROW({found})
