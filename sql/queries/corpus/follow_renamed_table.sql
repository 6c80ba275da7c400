-- The rows of a table that bears another name now are the documents that they were.
UPDATE {corpus}.documents
SET uri = %(root)s || substr(uri, length(%(old_root)s) + 1), source = %(root)s,
    metadata = metadata || jsonb_build_object('table', %(label)s::text)
WHERE source = %(old_root)s
