-- Whether the passages have a valid index of that name.
SELECT FROM pg_index WHERE indrelid = 'chunks'::regclass AND indexrelid = to_regclass(%(name)s) AND indisvalid
