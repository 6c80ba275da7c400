-- A kept chunk stands where it stands now.
UPDATE {corpus}.chunks SET ordinal = s.ordinal, headings = s.headings, context_headings = s.context_headings,
                  table_header = s.table_header, first_page = s.first_page, last_page = s.last_page, superseded = false
FROM pg_temp.staged_chunks s
WHERE chunks.id = s.chunk_id
  AND (chunks.ordinal, chunks.headings, chunks.context_headings, chunks.table_header, chunks.first_page,
       chunks.last_page, chunks.superseded)
      IS DISTINCT FROM (s.ordinal, s.headings, s.context_headings, s.table_header, s.first_page, s.last_page, false)
