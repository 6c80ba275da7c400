-- Finds the vectors that are to go on into the user's column, among millions of chunks that have none yet.
CREATE INDEX IF NOT EXISTS chunks_arrived ON {corpus}.chunks (document_id) WHERE embedding IS NOT NULL
