-- Which fields are columns of chunks, and of what types.
SELECT filters FROM {corpus}.corpus
