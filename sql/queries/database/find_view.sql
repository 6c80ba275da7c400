-- Whether the view of the passages is there, and ours: noted, and still made as we make it.
SELECT EXISTS (
    SELECT FROM {corpus}.corpus held, pg_class c
    WHERE held.made_view AND c.relname = 'passages' AND c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
      AND c.relkind = 'v' AND 'security_invoker=true' = ANY(c.reloptions))
