-- Two loads that bring the last vectors of one document must see each other's.
SELECT id FROM {corpus}.documents WHERE id = ANY(%(document_ids)s)
   AND EXISTS (SELECT FROM {corpus}.chunks WHERE document_id = documents.id AND superseded)
ORDER BY id FOR NO KEY UPDATE
