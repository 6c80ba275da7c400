-- What was billed for answered requests, by batch and by document, in the transaction that settles them; the batch that is
-- loaded has its entry even where nothing answers. 0 tokens: not told; loaded: 1 or 0. Back come, by batch, the tokens that
-- were billed for nothing.
WITH usage AS (
    SELECT r.batch_id, c.document_id, r.token_count, nullif(u.tokens, 0) AS tokens, u.loaded = 1 AS loaded
    FROM unnest(%(chunk_ids)s::bigint[], %(tokens)s::bigint[], %(loaded)s::bigint[]) AS u(chunk_id, tokens, loaded)
    JOIN requests r ON r.chunk_id = u.chunk_id
    LEFT JOIN chunks c ON c.id = u.chunk_id
), entries AS (
    SELECT gen_random_uuid() AS id, batch_id,
           count(*) FILTER (WHERE loaded) AS texts,
           coalesce(sum(token_count) FILTER (WHERE loaded), 0) AS estimated,
           CASE WHEN bool_and(tokens IS NOT NULL) FILTER (WHERE loaded) IS NOT FALSE
                THEN coalesce(sum(tokens) FILTER (WHERE loaded), 0) END AS billed,
           coalesce(sum(coalesce(tokens, token_count)) FILTER (WHERE NOT loaded), 0) AS vain
    FROM (SELECT batch_id, token_count, tokens, loaded FROM usage
          UNION ALL SELECT id, 0, 0, NULL FROM batches WHERE id = %(batch_id)s) answered
    GROUP BY batch_id
), documents AS (
    INSERT INTO ledger_documents (ledger_id, document_id, estimated_tokens, billed_tokens)
    SELECT e.id, document_id, coalesce(sum(token_count) FILTER (WHERE loaded), 0), coalesce(sum(tokens), 0)
    FROM usage JOIN entries e ON e.batch_id IS NOT DISTINCT FROM usage.batch_id
    GROUP BY e.id, document_id
)
INSERT INTO ledger (id, run_at, batch_key, provider_batch_id, mode, model, usd_per_million,
                    texts, estimated_tokens, billed_tokens, vain_tokens, reported_tokens)
SELECT e.id, b.run_at, b.key, b.provider_batch_id, CASE WHEN b.state <> 'exported' THEN b.mode END, corpus.model,
       b.usd_per_million, e.texts, e.estimated, e.billed, e.vain, CASE WHEN b.id = %(batch_id)s THEN b.reported_tokens END
FROM corpus CROSS JOIN entries e LEFT JOIN batches b ON b.id = e.batch_id
RETURNING greatest(coalesce(reported_tokens - billed_tokens, vain_tokens), 0)
