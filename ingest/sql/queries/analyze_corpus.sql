-- What the planner must know to find a slice of texts by their index.
ANALYZE chunks (id, document_id, text_hash), requests
