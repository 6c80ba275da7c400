-- Whether the corpus has held nothing yet, so that nothing binds it to its model.
SELECT NOT EXISTS (SELECT FROM {corpus}.documents)
   AND NOT EXISTS (SELECT FROM {corpus}.requests)
   AND NOT EXISTS (SELECT FROM {corpus}.batches)
   AND NOT EXISTS (SELECT FROM {corpus}.column_target)
