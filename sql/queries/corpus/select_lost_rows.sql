-- The next documents, of all or of some, whose rows have the vector of an earlier text, and none to come: the new one is
-- empty; or, with `drop_refused`, the provider does not take it.
SELECT f.document_id
FROM {corpus}.filled_rows f JOIN {corpus}.documents d ON d.id = f.document_id
WHERE f.document_id > %(after)s AND (%(among)s::bigint[] IS NULL OR f.document_id = ANY(%(among)s::bigint[]))
  AND d.content_hash <> f.content_hash AND d.content_hash <> ''
  AND (NOT EXISTS (SELECT FROM {corpus}.chunks c WHERE c.document_id = d.id AND NOT c.superseded)
       OR %(drop_refused)s AND EXISTS (
           SELECT FROM {corpus}.chunks c JOIN {corpus}.requests r ON r.text_hash = c.text_hash
           WHERE c.document_id = d.id AND NOT c.superseded AND r.failed AND r.refused))
  AND NOT EXISTS (SELECT FROM {corpus}.unfilled_rows u WHERE u.document_id = f.document_id)
ORDER BY f.document_id LIMIT %(limit)s
