-- The next documents that are kept, without their passages.
SELECT d.id, d.uri, d.title, d.metadata, d.content_hash, d.line_marks
FROM {corpus}.documents d
WHERE d.id > %(after)s
ORDER BY d.id LIMIT %(limit)s
