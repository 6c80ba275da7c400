-- What the provider counted for texts, beside what we did. All that came before counts for half, so that the last is
-- what tells, and no small batch by itself.
INSERT INTO {corpus}.learned_limits AS l (endpoint, model, counted_tokens, billed_tokens)
VALUES (%(endpoint)s, %(model)s, %(counted)s, %(billed)s)
ON CONFLICT (endpoint, model) DO UPDATE SET
    counted_tokens = coalesce(l.counted_tokens / 2, 0) + EXCLUDED.counted_tokens,
    billed_tokens = coalesce(l.billed_tokens / 2, 0) + EXCLUDED.billed_tokens
