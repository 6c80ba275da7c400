-- A search, and the version of the corpus that it was made in: a swap may have put another one under the name.
SELECT held.id, found.*
FROM {corpus} held LEFT JOIN LATERAL ({query}) found ON true
