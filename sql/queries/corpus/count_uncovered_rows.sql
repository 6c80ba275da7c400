-- Rows that a swap would leave without a vector though they have a text, and the first of their keys.
SELECT pg_catalog.count(*), pg_catalog.min(pg_catalog.concat({key})) FROM {table} AS t
WHERE t.{used} IS NOT NULL AND t.{fresh} IS NULL AND t.{text}::pg_catalog.text OPERATOR(pg_catalog.~) '\S'
