-- What was learned of a provider, in the order of the fields of `Learned`. Accounts grow, so after a day limits are tried
-- anew.
SELECT CASE WHEN learned_at > now() - interval '1 day' THEN enqueued_tokens END,
       CASE WHEN refused_at > now() - interval '1 day' THEN refused_tokens END,
       coalesce(billed_tokens / nullif(counted_tokens, 0), 1),
       CASE WHEN refused_at > now() - interval '1 day' THEN EXISTS (
           SELECT FROM {corpus}.batches b
           WHERE b.endpoint = l.endpoint AND b.model = l.model AND b.submitted_at > l.refused_at
             AND b.provider_status IN ('in_progress', 'finalizing', 'completed')) ELSE true END
FROM {corpus}.learned_limits l WHERE endpoint = %(endpoint)s AND model = %(model)s
