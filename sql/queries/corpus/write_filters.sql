-- Which fields are columns of chunks from now on.
UPDATE {corpus}.corpus SET filters = %(filters)s
