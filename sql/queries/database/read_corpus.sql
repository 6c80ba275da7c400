-- How the corpus is indexed, in the order of the fields of `Indexing`.
SELECT model, dimensions, vector_type, chunk_tokens, overlap, embed_headings, has_sides FROM {corpus}.corpus
