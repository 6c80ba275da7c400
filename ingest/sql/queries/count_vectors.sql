-- How many rows an index build goes through.
SELECT count({column}) FROM {table}
