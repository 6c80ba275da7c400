-- The vector of one row.
SELECT a.{column} FROM {table} a WHERE a.ctid = %(row)s
