-- The chunks of the corpus in use, under their ids, each with the new vector of any chunk of the same text.
INSERT INTO chunks (id, document_id, ordinal, content, headings, token_count, context_headings, text_hash, embedding)
OVERRIDING SYSTEM VALUE
SELECT used.id, used.document_id, used.ordinal, used.content, used.headings, used.token_count, used.context_headings,
       used.text_hash,
       (SELECT twin.embedding FROM chunks twin
        WHERE twin.text_hash = used.text_hash AND twin.embedding IS NOT NULL LIMIT 1)
FROM {used}.chunks used
WHERE NOT used.superseded AND NOT EXISTS (SELECT FROM chunks WHERE chunks.id = used.id)
