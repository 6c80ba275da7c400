-- Whether tables with vectors can be made in the corpus's schema; never committed.
CREATE TABLE {corpus}.rehearsal (embedding {vector}.vector)
