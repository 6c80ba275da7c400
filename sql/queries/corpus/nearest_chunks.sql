-- The chunks nearest to a vector: their ids and distances.
SELECT c.id, c.embedding OPERATOR({vector}.{operator}) {embedding} AS distance
FROM {chunks} c
WHERE {wanted}
ORDER BY c.embedding OPERATOR({vector}.{operator}) {embedding}
LIMIT {limit}
