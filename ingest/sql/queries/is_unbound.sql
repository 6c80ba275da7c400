-- Whether the corpus has held nothing yet, so that nothing binds it to its model.
SELECT NOT EXISTS (SELECT FROM documents)
   AND NOT EXISTS (SELECT FROM requests)
   AND NOT EXISTS (SELECT FROM batches)
   AND NOT EXISTS (SELECT FROM column_target)
