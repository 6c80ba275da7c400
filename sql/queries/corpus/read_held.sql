-- Which version of the corpus this is, and how often what was in flight was cancelled: what a command goes by.
SELECT id, cancels FROM {corpus}.corpus
