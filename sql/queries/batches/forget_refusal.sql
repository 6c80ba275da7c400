-- The account is taken again.
UPDATE {corpus}.corpus SET refused_at = NULL, refusal = NULL WHERE refusal IS NOT NULL
