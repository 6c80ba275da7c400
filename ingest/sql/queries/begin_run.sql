-- What is sent from now on belongs to this run, at this price.
UPDATE corpus SET run_at = now(), usd_per_million = %(usd_per_million)s
