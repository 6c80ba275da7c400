-- One vector a row, where the row's text is still the one that was sent; each document, and whether its row got it.
-- The vectors of a long text's parts are averaged by their tokens. A row that is edited at this moment is looked at
-- again when its lock is free (READ COMMITTED), so that the condition holds for what it is then.
WITH ready AS (
    SELECT d.id, d.content_hash, (d.metadata ->> 'key')::{key_type} AS row_key,
           CASE WHEN count(*) = 1 THEN (array_agg(c.embedding))[1]
                ELSE l2_normalize(sum(
                    c.embedding::vector * array_fill(c.token_count::real, ARRAY[{dimensions}])::vector))::{type}
           END AS embedding
    FROM documents d JOIN chunks c ON c.document_id = d.id
    WHERE d.id = ANY(%(document_ids)s) AND NOT c.superseded
    GROUP BY d.id
    HAVING bool_and(c.embedding IS NOT NULL)
), given AS (
    UPDATE {table} AS t SET {column} = ready.embedding FROM ready
    WHERE t.{key} = ready.row_key
      AND sha256(convert_to(%(hash_prefix)s || coalesce(t.{text}::text, ''), 'UTF8')) = ready.content_hash
    RETURNING ready.id
)
SELECT ready.id, given.id IS NOT NULL FROM ready LEFT JOIN given ON given.id = ready.id
