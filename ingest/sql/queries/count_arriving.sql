-- Vectors that are to come, and those there are.
SELECT (SELECT count(*) FROM requests WHERE NOT failed),
       (SELECT count(*) FROM chunks WHERE embedding IS NOT NULL)
