-- The chunks in use, or the filled rows of a column, by their tokens, in classes so many tokens wide: (class, chunks).
SELECT (greatest(token_count, 1) - 1) / %(width)s, count(*)
FROM (SELECT token_count FROM {corpus}.chunks WHERE NOT superseded UNION ALL SELECT token_count FROM {corpus}.filled_rows) lengths
GROUP BY 1 ORDER BY 1
