-- The chunks nearest to a vector, of the candidates that an index finds by less than the vectors: their ids and distances.
SELECT n.id, n.embedding OPERATOR({vector}.{operator}) {embedding} AS distance
FROM (
    SELECT c.id, c.embedding
    FROM {chunks} c
    WHERE {wanted}
    ORDER BY {indexed} OPERATOR({vector}.{index_operator}) {compared}
    LIMIT {candidates}
) n
ORDER BY n.embedding OPERATOR({vector}.{operator}) {embedding}
LIMIT {limit}
