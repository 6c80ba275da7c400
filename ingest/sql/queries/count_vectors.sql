-- How many rows an index build goes through.
SELECT count(embedding) FROM chunks
