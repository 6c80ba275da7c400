-- Those of these texts that have a vector, or a request.
SELECT text_hash FROM {corpus}.chunks WHERE text_hash = ANY(%(hashes)s) AND embedding IS NOT NULL
UNION
SELECT text_hash FROM {corpus}.requests WHERE text_hash = ANY(%(hashes)s)
