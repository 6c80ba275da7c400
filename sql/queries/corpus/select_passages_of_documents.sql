-- The passages of documents as these are now, in their order; document_ids null: of all.
SELECT c.document_id, d.uri, c.id, c.content, c.embedding IS NOT NULL AS is_embedded, c.headings <> '{{}}' AS has_headings
FROM {corpus}.chunks c JOIN {corpus}.documents d ON d.id = c.document_id
WHERE NOT c.superseded
    AND (%(document_ids)s::int8[] IS NULL OR c.document_id = ANY(%(document_ids)s::int8[]))
    AND (%(document_ids)s::int8[] IS NULL OR d.id = ANY(%(document_ids)s::int8[]))
ORDER BY c.document_id, c.ordinal
