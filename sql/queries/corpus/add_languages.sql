-- Terms are made by these languages, too.
UPDATE {corpus}.corpus SET languages = ARRAY(SELECT unnest(languages) UNION SELECT unnest(%(languages)s::text[]) ORDER BY 1)
