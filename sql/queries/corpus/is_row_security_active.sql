-- Whether policies decide which rows of a table the role sees.
SELECT pg_catalog.row_security_active(%(table)s::pg_catalog.text)
