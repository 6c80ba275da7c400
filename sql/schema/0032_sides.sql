-- Models that tell documents from questions embed each as what it is.
ALTER TABLE corpus
    ADD COLUMN has_sides boolean NOT NULL DEFAULT false; -- whether the texts were embedded as documents, apart from questions
