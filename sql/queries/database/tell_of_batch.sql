-- Runs that wait for this batch, of whichever corpus, need wait no longer. Where none listens it is forgotten.
SELECT pg_catalog.pg_notify('ingest_batches', %(provider_batch_id)s)
