-- The tokens of all that is searchable or will be.
SELECT coalesce(sum(token_count), 0)::bigint FROM chunks WHERE NOT superseded
