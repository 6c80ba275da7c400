-- What the provider has, or is about to get, besides this batch: tokens, requests; and batches of the last hour.
SELECT coalesce(sum(token_count) FILTER (WHERE state = ANY(%(states)s) AND id <> %(id)s), 0)::bigint,
       coalesce(sum(request_count) FILTER (WHERE state = ANY(%(states)s) AND id <> %(id)s), 0)::bigint,
       count(*) FILTER (WHERE submitted_at > now() - interval '1 hour')
FROM {corpus}.batches WHERE state <> 'done' OR submitted_at > now() - interval '1 hour'
