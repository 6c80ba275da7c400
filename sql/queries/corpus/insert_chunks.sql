-- The chunks that are new, each with the vector of any chunk of the same text.
INSERT INTO {corpus}.chunks (document_id, ordinal, content, headings, token_count, context_headings, table_header, text_hash,
                             first_page, last_page, embedding)
SELECT s.document_id, s.ordinal, s.content, s.headings, s.token_count, s.context_headings, s.table_header, s.text_hash,
       s.first_page, s.last_page,
       (SELECT same.embedding FROM {corpus}.chunks same
        WHERE same.text_hash = s.text_hash AND same.embedding IS NOT NULL LIMIT 1)
FROM pg_temp.staged_chunks s WHERE s.chunk_id IS NULL
ORDER BY s.document_id, s.ordinal
