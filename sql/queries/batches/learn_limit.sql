-- The provider's own words on how many tokens it takes at once.
INSERT INTO {corpus}.learned_limits (endpoint, model, enqueued_tokens)
VALUES (%(endpoint)s, %(model)s, %(enqueued_tokens)s)
ON CONFLICT (endpoint, model) DO UPDATE SET enqueued_tokens = EXCLUDED.enqueued_tokens, learned_at = now()
