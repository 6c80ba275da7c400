-- Vectors that batches are to bring, and those there are.
SELECT (SELECT count(*) FROM requests WHERE batch_id IS NOT NULL),
       (SELECT count(*) FROM chunks WHERE embedding IS NOT NULL)
