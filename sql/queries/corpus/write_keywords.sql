-- How the terms of the passages are made from now on; none has any yet.
UPDATE {corpus}.corpus SET terms_version = %(version)s, terms_language = %(language)s, terms_filled = false, languages = '{{}}'
