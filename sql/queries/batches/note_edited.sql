-- So many rows more were edited while their vectors were made.
UPDATE {corpus}.corpus SET run_edited = run_edited + %(edited_count)s
