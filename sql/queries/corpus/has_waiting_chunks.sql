-- Whether any chunk has no vector yet.
SELECT EXISTS (SELECT FROM {corpus}.chunks WHERE embedding IS NULL)
