-- One batch, in the order of the fields of `Batch`.
SELECT id, key, state, mode, model, dimensions, endpoint, shard_path, shard_sha256, request_count, token_count,
       byte_count, input_file_id, provider_batch_id, provider_status, provider_completed, output_file_id, error_file_id,
       coalesce(not_before > now(), false), message, tries, cancel_asked_at IS NOT NULL,
       extract(epoch FROM now() - coalesce(progressed_at, submitted_at, created_at))::float8, created_at, submitted_at,
       greatest(extract(epoch FROM not_before - now()), 0)::float8, extract(epoch FROM now() - submitted_at)::float8,
       sent_from, refusals
FROM {corpus}.batches WHERE id = %(id)s
