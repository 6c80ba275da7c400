-- A corpus of any version of this program: by which model it is, when it was made, and the bytes of its tables and indexes.
SELECT model, dimensions, vector_type, created_at,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
        WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind = 'r' AND c.relname = ANY(%(tables)s))
FROM {corpus}.corpus
