-- The passages of the next version have what those of the corpus in use have in the fields.
UPDATE {corpus}.chunks SET ({targets}) = (SELECT {found})
FROM {corpus}.documents d
WHERE d.id = chunks.document_id AND ROW({columns}) IS DISTINCT FROM ROW({found})
