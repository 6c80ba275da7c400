-- One vector a row, where the row's text is still the one that was sent; each document, and what became of its row: given,
-- refused (it stands as it did, though nobody was in the way), left (another transaction has it, or a policy hides it from
-- an UPDATE) or stale (it is gone, or edited). The vectors of a long text's parts are averaged by their tokens. Without a
-- vector, where that is asked for: the row loses the one it has. A trigger may make something else of a vector, but not
-- keep the one that was there.
WITH ready AS (
    SELECT d.id, d.content_hash, d.metadata,
           CASE WHEN NOT pg_catalog.bool_and(c.embedding IS NOT NULL) THEN NULL
                WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 1 THEN (pg_catalog.array_agg(c.embedding))[1]
                ELSE {vector}.l2_normalize({vector}.sum(
                    c.embedding::{vector}.vector OPERATOR({vector}.*) pg_catalog.array_fill(
                        c.token_count::pg_catalog.float4, ARRAY[{dimensions}])::{vector}.vector
                ) FILTER (WHERE c.embedding IS NOT NULL))::{type}
           END AS embedding
    FROM {corpus}.documents d
    LEFT JOIN {corpus}.chunks c ON c.document_id OPERATOR(pg_catalog.=) d.id AND NOT c.superseded
    WHERE d.id OPERATOR(pg_catalog.=) ANY(%(document_ids)s)
    GROUP BY d.id
    HAVING %(clearing)s OR pg_catalog.bool_and(c.embedding IS NOT NULL)
), free AS MATERIALIZED (
    SELECT ready.id, t.{column} AS held
    FROM ready JOIN {table} AS t ON {row_of_ready}
    WHERE pg_catalog.sha256(pg_catalog.convert_to(
              %(hash_prefix)s OPERATOR(pg_catalog.||) coalesce(t.{text}::pg_catalog.text, ''), 'UTF8'))
          OPERATOR(pg_catalog.=) ready.content_hash
    {locking}
), given AS (
    UPDATE {table} AS t SET {column} = ready.embedding FROM ready JOIN free ON free.id OPERATOR(pg_catalog.=) ready.id
    WHERE {row_of_ready}
      AND pg_catalog.sha256(pg_catalog.convert_to(
              %(hash_prefix)s OPERATOR(pg_catalog.||) coalesce(t.{text}::pg_catalog.text, ''), 'UTF8'))
          OPERATOR(pg_catalog.=) ready.content_hash
    RETURNING ready.id,
              CASE WHEN ready.embedding IS NULL OR t.{column} IS NULL THEN ready.embedding IS NULL AND t.{column} IS NULL
                   ELSE t.{column} OPERATOR({vector}.=) ready.embedding OR free.held IS NULL
                        OR t.{column} OPERATOR({vector}.<>) free.held
              END AS took
)
SELECT ready.id,
       CASE WHEN given.took THEN 'given'
            WHEN free.id IS NOT NULL THEN 'refused'
            WHEN EXISTS (SELECT FROM {table} AS t WHERE {row_of_ready}
                         AND pg_catalog.sha256(pg_catalog.convert_to(
                                 %(hash_prefix)s OPERATOR(pg_catalog.||) coalesce(t.{text}::pg_catalog.text, ''), 'UTF8'))
                             OPERATOR(pg_catalog.=) ready.content_hash) THEN 'left'
            ELSE 'stale' END
FROM ready
LEFT JOIN free ON free.id OPERATOR(pg_catalog.=) ready.id
LEFT JOIN given ON given.id OPERATOR(pg_catalog.=) ready.id
