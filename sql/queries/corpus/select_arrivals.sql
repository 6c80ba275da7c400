-- The next documents that have vectors; not those whose rows were found to take none.
SELECT DISTINCT document_id
FROM (SELECT document_id FROM {corpus}.chunks c WHERE embedding IS NOT NULL AND document_id > %(after)s
      AND NOT EXISTS (SELECT FROM {corpus}.unfilled_rows u WHERE u.document_id = c.document_id)
      ORDER BY document_id LIMIT %(limit)s) AS arrived
ORDER BY document_id
