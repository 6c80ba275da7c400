-- How far an index build of this table is: the phase, and the rows done.
SELECT phase, tuples_done FROM pg_stat_progress_create_index WHERE relid = to_regclass(%(table)s)
