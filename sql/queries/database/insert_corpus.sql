-- Record how the corpus is indexed; whose version it is stays. It is another corpus from then on, to whoever held the one.
INSERT INTO {corpus}.corpus (model, dimensions, vector_type, chunk_tokens, overlap, embed_headings, has_sides, family,
                             made_indexes)
VALUES (%(model)s, %(dimensions)s, %(vector_type)s, %(chunk_tokens)s, %(overlap)s, %(embed_headings)s, %(has_sides)s,
        gen_random_uuid(), '{{}}')
ON CONFLICT (one_row) DO UPDATE SET id = gen_random_uuid(), model = EXCLUDED.model, dimensions = EXCLUDED.dimensions,
    vector_type = EXCLUDED.vector_type, chunk_tokens = EXCLUDED.chunk_tokens, overlap = EXCLUDED.overlap,
    embed_headings = EXCLUDED.embed_headings, has_sides = EXCLUDED.has_sides
