-- How many rows an index build goes through.
SELECT pg_catalog.count({column}) FROM {table}
