-- Those of these texts that have a vector, or a request.
SELECT text_hash FROM chunks WHERE text_hash = ANY(%(hashes)s) AND embedding IS NOT NULL
UNION
SELECT text_hash FROM requests WHERE text_hash = ANY(%(hashes)s)
