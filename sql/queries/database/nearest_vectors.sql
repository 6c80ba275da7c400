-- The rows nearest to the vector of one of them, of the candidates that an index finds.
SELECT n.ctid
FROM (
    SELECT t.ctid, {column} AS vector
    FROM {table} t
    WHERE {column} IS NOT NULL
    ORDER BY {indexed} OPERATOR({vector}.{index_operator}) {compared}
    LIMIT {candidates}
) n
ORDER BY n.vector OPERATOR({vector}.{operator}) ({asked})
LIMIT {limit}
