-- The next documents, newest first: how many chunks each has, whether they can be proved, and what is wrong, in words. One
-- snapshot: a sync or a load is seen as a whole or not at all.
WITH page AS (
    SELECT id, uri, content_hash, chunks_hash FROM {corpus}.documents
    WHERE id < %(before)s ORDER BY id DESC LIMIT %(limit)s
)
SELECT page.id, page.uri, found.stored_count, page.chunks_hash IS NOT NULL, array_remove(ARRAY[
    CASE WHEN page.chunks_hash <> found.chunks_hash AND (found.chunk_count > 0 OR NOT mode.fills_column)
         THEN 'its passages are not those of its text' END,
    CASE WHEN mode.fills_column AND found.stored_count = 0 AND page.chunks_hash <> sha256('')
              AND page.content_hash <> '' AND page.content_hash IS DISTINCT FROM filled.content_hash
         THEN 'its row has no vector, and none is to come' END,
    CASE WHEN found.are_misnumbered THEN 'its passages are not numbered from 0 on' END,
    CASE WHEN found.are_misnamed THEN 'a passage is another text than the one that was sent' END,
    CASE WHEN found.differ THEN 'a passage has another vector than the same text elsewhere' END,
    CASE WHEN found.are_forgotten THEN 'a passage has no vector, and none was asked for' END,
    CASE WHEN found.are_left_over THEN 'passages that are replaced are still there' END
], NULL)
FROM page
LEFT JOIN {corpus}.filled_rows filled ON filled.document_id = page.id
CROSS JOIN (SELECT EXISTS (SELECT FROM {corpus}.column_target) AS fills_column) mode
CROSS JOIN LATERAL (
    SELECT count(*) AS stored_count,
           count(*) FILTER (WHERE NOT superseded) AS chunk_count,
           sha256(coalesce(string_agg(text_hash || sha256(convert_to(content, 'UTF8')), '' ORDER BY ordinal)
                           FILTER (WHERE NOT superseded), '')) AS chunks_hash,
           (count(DISTINCT ordinal) FILTER (WHERE NOT superseded), min(ordinal) FILTER (WHERE NOT superseded),
            max(ordinal) FILTER (WHERE NOT superseded))
           <> (count(*) FILTER (WHERE NOT superseded), 0, count(*) FILTER (WHERE NOT superseded) - 1) AS are_misnumbered,
           -- As `embedded_text` makes it.
           bool_or(text_hash <> sha256(convert_to(
               array_to_string(headings[cardinality(headings) - context_headings + 1:], ' > ')
               || CASE WHEN context_headings > 0 THEN E'\n\n' ELSE '' END
               || table_header || coalesce(nullif(btrim(content, %(blanks)s), ''), content), 'UTF8'))) AS are_misnamed,
           bool_or(embedding OPERATOR({vector}.<>) (
               SELECT embedding FROM {corpus}.chunks same
               WHERE same.text_hash = c.text_hash AND same.id <> c.id AND same.embedding IS NOT NULL LIMIT 1)) AS differ,
           bool_or(embedding IS NULL AND NOT EXISTS (
               SELECT FROM {corpus}.requests r WHERE r.text_hash = c.text_hash)) AS are_forgotten,
           bool_or(superseded) AND NOT bool_or(NOT superseded AND embedding IS NULL) AS are_left_over
    FROM {corpus}.chunks c WHERE c.document_id = page.id
) found
ORDER BY page.id DESC
