-- Where the chunks of new and changed documents wait to be held against the stored ones. chunk_id: the stored
-- chunk with the same text, which is kept.
CREATE TEMPORARY TABLE IF NOT EXISTS pg_temp.staged_chunks (
    document_id bigint, ordinal integer, content text, headings text[], token_count integer,
    context_headings smallint, table_header text, text_hash bytea, first_page integer, last_page integer, chunk_id bigint,
    term_count integer, terms integer[]
) ON COMMIT DELETE ROWS
