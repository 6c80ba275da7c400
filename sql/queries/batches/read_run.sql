-- The run that began last: when, whether it goes on, how it sent last, the US dollars of what is in flight of it, by its prices;
-- and what it could not read, with the rows that were edited since.
SELECT c.run_at, c.run_goes_on,
       (SELECT b.mode FROM {corpus}.batches b WHERE b.run_at = c.run_at ORDER BY b.id DESC LIMIT 1),
       (SELECT coalesce(sum(b.token_count * coalesce(b.token_ratio, 1) * b.usd_per_million), 0) / 1e6
        FROM {corpus}.batches b
        WHERE b.run_at = c.run_at AND b.state IN ('creating', 'submitted', 'finished')
          AND b.provider_status IS DISTINCT FROM 'interrupted')::float8,
       c.run_skipped, c.run_refused, c.run_edited
FROM {corpus}.corpus c
