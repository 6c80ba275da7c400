-- The next documents that have vectors.
SELECT DISTINCT document_id
FROM (SELECT document_id FROM chunks WHERE embedding IS NOT NULL AND document_id > %(after)s
      ORDER BY document_id LIMIT %(limit)s) AS arrived
ORDER BY document_id
