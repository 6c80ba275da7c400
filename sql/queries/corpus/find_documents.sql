-- What is known of these documents, to tell the unchanged ones. One whose chunks cannot be proved, as it was written before
-- there was a hash of them, counts as another text where it is read again; not the row of a column that is filled.
SELECT uri, id, title, source, source_version,
       CASE WHEN chunks_hash IS NULL AND NOT EXISTS (SELECT FROM {corpus}.filled_rows WHERE document_id = documents.id)
            THEN '' ELSE content_hash END,
       line_marks
FROM {corpus}.documents WHERE uri = ANY(%(uris)s)
