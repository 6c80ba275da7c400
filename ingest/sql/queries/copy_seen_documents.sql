-- Bring the ids of the documents that were found over.
COPY seen_documents (id) FROM STDIN (FORMAT binary)
