-- What tells this corpus from any other of the same name, and the database from which it was sent first.
SELECT id, home FROM {corpus}.corpus
