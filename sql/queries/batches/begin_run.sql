-- What is sent from now on belongs to this run, at these prices and by this count of the provider's, unless one goes on that
-- it is to belong to; the first of all tells where the corpus is at home.
UPDATE {corpus}.corpus SET run_at = now(), run_goes_on = true, limited_rounds = 0,
                           usd_per_million = %(batch)s, usd_per_million_sync = %(sync)s,
                           token_ratio = %(token_ratio)s, home = coalesce(home, %(home)s)
WHERE %(anew)s OR NOT run_goes_on
