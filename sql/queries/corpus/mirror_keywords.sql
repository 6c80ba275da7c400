-- The terms of the next version were made as those of the one in use.
UPDATE {corpus}.corpus SET (terms_version, terms_language, terms_filled, languages) =
    (SELECT terms_version, terms_language, terms_filled, languages FROM {used}.corpus)
