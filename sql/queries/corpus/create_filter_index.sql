-- By which passages are found by a field.
CREATE INDEX IF NOT EXISTS {index} ON {corpus}.chunks ({column})
