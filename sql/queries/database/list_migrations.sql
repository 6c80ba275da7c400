-- What has been applied of the schema.
SELECT version, name FROM {corpus}.migrations
