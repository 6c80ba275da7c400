-- One corpus takes another's name. Only the name is locked: queries that run go on, on the tables they began with.
ALTER SCHEMA {old} RENAME TO {new}
