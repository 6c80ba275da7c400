-- The tokens of rows over the limit, which are not sent.
SELECT coalesce(sum(c.token_count), 0)::bigint
FROM {corpus}.requests r JOIN {corpus}.chunks c ON c.text_hash = r.text_hash
WHERE r.failed AND r.error_code = 'over_limit' AND NOT c.superseded
