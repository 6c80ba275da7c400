-- The ledger by run and batch, oldest first; of one run alone, where it is named.
-- What a batch tells of itself stands above what its lines add up to.
SELECT run_at, model, mode, batch_key, provider_batch_id, usd_per_million,
       sum(texts)::bigint, sum(estimated_tokens)::bigint,
       CASE WHEN max(reported_tokens) IS NOT NULL THEN max(reported_tokens)
            WHEN bool_and(billed_tokens IS NOT NULL) THEN (sum(billed_tokens) + sum(wasted_tokens))::bigint END,
       CASE WHEN max(reported_tokens) IS NOT NULL AND bool_and(billed_tokens IS NOT NULL)
            THEN greatest(max(reported_tokens) - sum(billed_tokens), 0)::bigint ELSE sum(wasted_tokens)::bigint END
FROM {corpus}.ledger
WHERE %(run_at)s::timestamptz IS NULL OR run_at = %(run_at)s
GROUP BY run_at, model, mode, batch_key, provider_batch_id, usd_per_million
ORDER BY run_at NULLS FIRST, model, mode, min(loaded_at), batch_key
