-- What was billed for answered requests, by batch and by document, in the transaction that settles them; the batch that is
-- loaded has its entry even where nothing answers. 0 tokens: not told; loaded: 1 or 0. Back come, by batch, the tokens that
-- were wasted; and for which provider and model it tells how many of its tokens go with so many of ours.
WITH usage AS (
    -- What came late, or by hand, is of the batch that was given up: with that entry it makes one sum.
    SELECT b.id AS batch_id, c.document_id, r.token_count, r.token_count * coalesce(b.token_ratio, 1) AS estimated,
           nullif(u.tokens, 0) AS tokens, u.loaded = 1 AS loaded
    FROM unnest(%(chunk_ids)s::bigint[], %(tokens)s::bigint[], %(loaded)s::bigint[]) AS u(chunk_id, tokens, loaded)
    JOIN {corpus}.requests r ON r.chunk_id = u.chunk_id
    LEFT JOIN {corpus}.batches b ON b.id = coalesce(r.batch_id, r.late_batch_id)
    LEFT JOIN {corpus}.chunks c ON c.id = u.chunk_id AND c.text_hash = r.text_hash
), entries AS (
    SELECT gen_random_uuid() AS id, batch_id,
           count(*) FILTER (WHERE loaded) AS texts,
           coalesce(round(sum(estimated) FILTER (WHERE loaded)), 0) AS estimated,
           CASE WHEN bool_and(tokens IS NOT NULL) FILTER (WHERE loaded) IS NOT FALSE
                THEN coalesce(sum(tokens) FILTER (WHERE loaded), 0) END AS billed,
           coalesce(round(sum(coalesce(tokens, estimated)) FILTER (WHERE NOT loaded)), 0) AS wasted,
           count(loaded) AS answered, sum(token_count) AS counted,
           sum(token_count) FILTER (WHERE tokens IS NOT NULL) AS counted_and_told, sum(tokens) AS told
    FROM (SELECT batch_id, token_count, estimated, tokens, loaded FROM usage
          UNION ALL SELECT id, 0, 0, 0, NULL FROM {corpus}.batches WHERE id = %(batch_id)s) answered
    GROUP BY batch_id
), documents AS (
    INSERT INTO {corpus}.ledger_documents (ledger_id, document_id, estimated_tokens, billed_tokens)
    SELECT e.id, document_id, coalesce(round(sum(usage.estimated) FILTER (WHERE loaded)), 0),
           CASE WHEN bool_and(tokens IS NOT NULL) FILTER (WHERE loaded) IS NOT FALSE THEN coalesce(sum(tokens), 0) END
    FROM usage JOIN entries e ON e.batch_id IS NOT DISTINCT FROM usage.batch_id
    GROUP BY e.id, document_id
), entered AS (
    INSERT INTO {corpus}.ledger (id, run_at, batch_key, provider_batch_id, mode, model, usd_per_million,
                        texts, estimated_tokens, billed_tokens, wasted_tokens, reported_tokens)
    SELECT e.id, b.run_at, b.key, b.provider_batch_id, CASE WHEN b.state <> 'exported' THEN b.mode END, corpus.model,
           b.usd_per_million, e.texts, e.estimated, e.billed, e.wasted,
           CASE WHEN b.id = %(batch_id)s THEN b.reported_tokens END
    FROM {corpus}.corpus CROSS JOIN entries e LEFT JOIN {corpus}.batches b ON b.id = e.batch_id
    RETURNING id, greatest(coalesce(reported_tokens - billed_tokens, wasted_tokens), 0) AS wasted, reported_tokens
)
SELECT entered.wasted, b.endpoint, b.model,
       CASE WHEN is_whole THEN e.counted ELSE e.counted_and_told END::bigint,
       CASE WHEN is_whole THEN entered.reported_tokens ELSE e.told END::bigint
FROM entered JOIN entries e USING (id)
LEFT JOIN {corpus}.batches b ON b.id = e.batch_id AND b.state <> 'exported'
-- What a batch tells of itself is of all its lines.
CROSS JOIN LATERAL (SELECT coalesce(entered.reported_tokens > 0 AND e.answered = b.request_count, false)) whole(is_whole)
