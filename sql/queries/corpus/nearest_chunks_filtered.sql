-- The chunks nearest to a vector of those that pass a filter: their ids and distances. Where few pass it, or the index
-- gives too few of them, all that pass it are looked at. They are counted by what is filtered alone, which an index has.
WITH passing AS MATERIALIZED (
    SELECT FROM {chunks} c WHERE {filtered} LIMIT {few} + 1
), indexed AS MATERIALIZED (
    SELECT n.id, n.distance FROM ({nearest}) n WHERE (SELECT count(*) FROM passing) > {few}
)
(
    SELECT id, distance
    FROM indexed
    WHERE (SELECT count(*) FROM indexed) >= {taken}
    ORDER BY distance + 0 -- the index gives them in an order of its own, whatever the planner believes
    LIMIT {limit}
)
UNION ALL
(
    SELECT c.id, c.embedding OPERATOR({vector}.{operator}) {embedding} AS distance
    FROM {chunks} c
    WHERE {wanted} AND (SELECT count(*) FROM indexed) < {taken}
    ORDER BY (c.embedding OPERATOR({vector}.{operator}) {embedding}) + 0 -- by no index on the vectors
    LIMIT {limit}
)
