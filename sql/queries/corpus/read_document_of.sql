-- The document of a passage, and how many passages it has now.
SELECT d.uri, d.title, d.metadata,
       (SELECT count(*) FROM {corpus}.chunks n WHERE n.document_id = d.id AND NOT n.superseded)
FROM {corpus}.chunks c JOIN {corpus}.documents d ON d.id = c.document_id
WHERE c.id = %(id)s
