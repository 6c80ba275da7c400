-- The provider refuses the account.
UPDATE {corpus}.corpus SET refused_at = now(), refusal = %(words)s
