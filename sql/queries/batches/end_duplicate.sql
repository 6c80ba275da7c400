-- A duplicate is over, and in the ledger with what it was billed: by its own word, else by its share of the batch's tokens.
WITH ended AS (
    UPDATE {corpus}.duplicates SET ended_at = now(), file_ids = %(file_ids)s
    WHERE provider_batch_id = %(provider_batch_id)s AND ended_at IS NULL
    RETURNING provider_batch_id, batch_id
)
INSERT INTO {corpus}.ledger (run_at, batch_key, provider_batch_id, mode, model, usd_per_million,
                             texts, estimated_tokens, billed_tokens, wasted_tokens, reported_tokens)
SELECT b.run_at, b.key, ended.provider_batch_id, b.mode, b.model, b.usd_per_million, 0, 0, 0,
       coalesce(%(reported_tokens)s::bigint, round(b.token_count * b.token_ratio * %(share)s)::bigint),
       %(reported_tokens)s::bigint
FROM ended JOIN {corpus}.batches b ON b.id = ended.batch_id
RETURNING wasted_tokens
