-- What is told of batches from now on, to be taken by this connection.
LISTEN ingest_batches
