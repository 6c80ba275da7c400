-- Documents of a version beside, null: all, have the vectors of the same texts in the corpus in use, of the same model.
UPDATE {corpus}.chunks c SET embedding = same.embedding
FROM (
    SELECT DISTINCT ON (used.text_hash) used.text_hash, {shared} AS embedding
    FROM {used}.chunks used
    WHERE used.embedding IS NOT NULL AND used.text_hash IN (
        SELECT lacking.text_hash FROM {corpus}.chunks lacking
        WHERE (%(document_ids)s::int8[] IS NULL OR lacking.document_id = ANY(%(document_ids)s::int8[]))
            AND lacking.embedding IS NULL
    )
    ORDER BY used.text_hash
) same
WHERE (%(document_ids)s::int8[] IS NULL OR c.document_id = ANY(%(document_ids)s::int8[]))
    AND c.embedding IS NULL AND c.text_hash = same.text_hash
