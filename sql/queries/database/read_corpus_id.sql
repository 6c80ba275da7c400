-- What tells this corpus from any other of the same name.
SELECT id FROM {corpus}.corpus
