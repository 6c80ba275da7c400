-- Vectors that are to come, and those there are.
SELECT (SELECT count(*) FROM {corpus}.requests WHERE NOT failed),
       (SELECT count(*) FROM {corpus}.chunks WHERE embedding IS NOT NULL)
