-- What the planner must know to find a slice of texts by their index.
ANALYZE (SKIP_LOCKED) {corpus}.chunks (id, document_id, text_hash), {corpus}.requests, {corpus}.chunk_terms
