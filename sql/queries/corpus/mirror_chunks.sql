-- The chunks of the corpus in use, under their ids: a row that was another chunk becomes this one. Vectors, and counts by
-- their model's tokenizer, are those of any chunk of the same text that is here, whatever its id.
INSERT INTO {corpus}.chunks (id, document_id, ordinal, content, headings, token_count, context_headings, table_header,
                             text_hash, first_page, last_page, embedding)
OVERRIDING SYSTEM VALUE
SELECT used.id, used.document_id, used.ordinal, used.content, used.headings,
       coalesce(same.token_count, request.token_count, used.token_count), used.context_headings, used.table_header,
       used.text_hash, used.first_page, used.last_page, same.embedding
FROM {used}.chunks used
LEFT JOIN {corpus}.chunks here ON here.id = used.id
LEFT JOIN {corpus}.requests request ON request.text_hash = used.text_hash
LEFT JOIN LATERAL (SELECT token_count, embedding FROM {corpus}.chunks
                   WHERE chunks.text_hash = used.text_hash AND chunks.embedding IS NOT NULL LIMIT 1) same ON true
WHERE NOT used.superseded
  AND (here.document_id, here.ordinal, here.content, here.headings, here.context_headings, here.table_header, here.text_hash,
       here.first_page, here.last_page, here.superseded)
      IS DISTINCT FROM
      (used.document_id, used.ordinal, used.content, used.headings, used.context_headings, used.table_header, used.text_hash,
       used.first_page, used.last_page, false)
ON CONFLICT (id) DO UPDATE SET
    document_id = EXCLUDED.document_id, ordinal = EXCLUDED.ordinal, content = EXCLUDED.content,
    headings = EXCLUDED.headings, token_count = EXCLUDED.token_count, context_headings = EXCLUDED.context_headings,
    table_header = EXCLUDED.table_header, first_page = EXCLUDED.first_page, last_page = EXCLUDED.last_page,
    text_hash = EXCLUDED.text_hash, superseded = false,
    -- What only moved keeps its very value: no index has to learn of it.
    embedding = CASE WHEN chunks.text_hash = EXCLUDED.text_hash THEN chunks.embedding ELSE EXCLUDED.embedding END
