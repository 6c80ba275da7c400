-- A shard is written: its batch begins, one of the run that sends now.
INSERT INTO {corpus}.batches (key, state, model, dimensions, endpoint, shard_path, shard_sha256,
                     request_count, token_count, byte_count, run_at, usd_per_million, token_ratio, sent_from)
SELECT %(key)s, %(state)s, %(model)s, %(dimensions)s, %(endpoint)s, %(shard_path)s, %(shard_sha256)s,
       %(request_count)s, %(token_count)s, %(byte_count)s, run_at, usd_per_million, token_ratio, %(sent_from)s
FROM {corpus}.corpus
RETURNING id
