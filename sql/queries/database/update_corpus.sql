-- Chunk differently from now on; the model and the column stay.
UPDATE {corpus}.corpus SET chunk_tokens = %(chunk_tokens)s, overlap = %(overlap)s, embed_headings = %(embed_headings)s
