-- How many chunks the planner believes there are; -1: it knows of none.
SELECT reltuples FROM pg_class WHERE oid = '{corpus}.chunks'::regclass
