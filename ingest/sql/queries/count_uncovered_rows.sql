-- Rows that a swap would leave without a vector though they have a text, and the first of their keys.
SELECT count(*), min(t.{key}::text) FROM {table} AS t
WHERE t.{used} IS NOT NULL AND t.{fresh} IS NULL AND t.{text}::text ~ '\S'
