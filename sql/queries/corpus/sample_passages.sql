-- Passages drawn by the hashes of their texts, the same ones each time, with those before them in their documents.
SELECT d.uri, d.title, c.headings, c.content, before.content AS before_content, before.headings AS before_headings
FROM {corpus}.chunks c
JOIN {corpus}.documents d ON d.id = c.document_id
LEFT JOIN {corpus}.chunks before
    ON before.document_id = c.document_id AND before.ordinal = c.ordinal - 1 AND NOT before.superseded
WHERE NOT c.superseded
ORDER BY c.text_hash, c.id
LIMIT %(limit)s
