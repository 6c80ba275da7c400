-- Whether an index of the passages of that name is valid; no row where there is none.
SELECT indisvalid FROM pg_index
WHERE indrelid = '{corpus}.chunks'::regclass AND indexrelid = to_regclass('{corpus}.' || %(name)s)
