-- Whose version a corpus is, and the schemas that were made for versions of it.
SELECT family, made_schemas FROM {corpus}.corpus
