-- The full-text index of the passages; writes go on.
CREATE INDEX CONCURRENTLY {name} ON {corpus}.chunks USING gin (to_tsvector({configuration}, content))
