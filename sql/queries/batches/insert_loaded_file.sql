-- The done mark of a file loaded by hand.
INSERT INTO {corpus}.loaded_files (sha256, name, loaded_count) VALUES (%(sha256)s, %(name)s, %(loaded)s)
