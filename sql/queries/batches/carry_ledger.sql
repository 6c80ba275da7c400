-- The ledger goes to another version of the corpus.
WITH gone AS (DELETE FROM {source}.ledger RETURNING id, run_at, batch_key, provider_batch_id, mode, model,
              usd_per_million, texts, estimated_tokens, billed_tokens, wasted_tokens, reported_tokens, loaded_at)
INSERT INTO {target}.ledger (id, run_at, batch_key, provider_batch_id, mode, model, usd_per_million,
                             texts, estimated_tokens, billed_tokens, wasted_tokens, reported_tokens, loaded_at)
SELECT * FROM gone
