-- Whose version a corpus is, and the schemas that were made for versions of it.
UPDATE {corpus}.corpus SET family = %(family)s, made_schemas = %(made_schemas)s
