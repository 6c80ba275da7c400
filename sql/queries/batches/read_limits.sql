-- How often in a row a rate limit let nothing through.
SELECT limited_rounds FROM {corpus}.corpus
