-- A batch was refused by itself: the smallest such one of the last day counts.
INSERT INTO {corpus}.learned_limits AS l (endpoint, model, refused_tokens, refused_at)
VALUES (%(endpoint)s, %(model)s, %(tokens)s, now())
ON CONFLICT (endpoint, model) DO UPDATE SET
    refused_at = now(),
    refused_tokens = least(CASE WHEN l.refused_at > now() - interval '1 day' THEN l.refused_tokens END,
                           EXCLUDED.refused_tokens)
