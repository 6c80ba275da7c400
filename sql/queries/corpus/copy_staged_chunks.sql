-- Bring the chunks of a group of documents over.
COPY pg_temp.staged_chunks (document_id, ordinal, content, headings, token_count, context_headings, table_header, text_hash,
                            first_page, last_page, term_count, terms)
FROM STDIN (FORMAT binary)
