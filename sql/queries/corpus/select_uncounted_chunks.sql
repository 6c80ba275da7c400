-- The chunks that are to be counted by another tokenizer before they are sent.
SELECT id, content, headings, context_headings, table_header FROM {corpus}.chunks
WHERE embedding IS NULL AND id > %(after)s
  AND NOT EXISTS (SELECT FROM {corpus}.requests WHERE requests.text_hash = chunks.text_hash)
ORDER BY id LIMIT %(limit)s
