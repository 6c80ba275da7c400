-- How the terms of the passages were made, whether all have theirs, and whether this role may read them.
SELECT terms_version, terms_language, languages, terms_filled, has_table_privilege('{corpus}.chunk_terms', 'SELECT')
FROM {corpus}.corpus
