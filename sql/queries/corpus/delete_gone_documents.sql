-- Documents that their source no longer has, their chunks and vectors with them: how many, and of these, those whose content
-- came back under another name in this sync.
WITH gone AS (DELETE FROM {corpus}.documents WHERE id = ANY(%(document_ids)s) RETURNING content_hash)
SELECT count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM {corpus}.documents fresh
    WHERE fresh.id = ANY(%(new_ids)s) AND fresh.content_hash = gone.content_hash))
FROM gone
