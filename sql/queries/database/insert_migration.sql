-- A step of the schema is applied.
INSERT INTO {corpus}.migrations (version, name) VALUES (%(version)s, %(name)s)
