-- When and why the account was refused; no row where it is not.
SELECT refused_at, refusal FROM {corpus}.corpus WHERE refusal IS NOT NULL
