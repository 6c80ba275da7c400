-- What has been applied of the schema.
CREATE TABLE IF NOT EXISTS {corpus}.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
