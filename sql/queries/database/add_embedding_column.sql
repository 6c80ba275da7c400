-- The column of the vectors, of the type and dimensions of the corpus's model.
ALTER TABLE {corpus}.chunks ADD COLUMN embedding {type}({dimensions})
