-- A chunk's text never changes, but where it stands.
UPDATE chunks SET ordinal = used.ordinal, headings = used.headings, context_headings = used.context_headings
FROM {used}.chunks used
WHERE used.id = chunks.id
  AND (chunks.ordinal, chunks.headings, chunks.context_headings)
      IS DISTINCT FROM (used.ordinal, used.headings, used.context_headings)
