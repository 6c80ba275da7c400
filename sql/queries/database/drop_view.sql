-- The view of the passages goes; not what else reads it, which stops this.
DROP VIEW {corpus}.passages
