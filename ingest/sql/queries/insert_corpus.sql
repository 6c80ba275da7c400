-- Record how the corpus is indexed.
INSERT INTO corpus (model, dimensions, vector_type, chunk_tokens, overlap, embed_headings)
VALUES (%(model)s, %(dimensions)s, %(vector_type)s, %(chunk_tokens)s, %(overlap)s, %(embed_headings)s)
