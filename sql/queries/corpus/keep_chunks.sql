-- A kept chunk stands where it stands now.
UPDATE {corpus}.chunks SET ordinal = s.ordinal, headings = s.headings, context_headings = s.context_headings,
                  table_header = s.table_header, superseded = false
FROM pg_temp.staged_chunks s
WHERE chunks.id = s.chunk_id
  AND (chunks.ordinal, chunks.headings, chunks.context_headings, chunks.table_header, chunks.superseded)
      IS DISTINCT FROM (s.ordinal, s.headings, s.context_headings, s.table_header, false)
