-- What is sent from now on belongs to this run, at these prices.
UPDATE corpus SET run_at = now(), usd_per_million = %(batch)s, usd_per_million_sync = %(sync)s
