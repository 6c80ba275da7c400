-- Whether the index of our name, of this kind, is one that we made.
SELECT made_indexes IS NULL OR %(kind)s = ANY(made_indexes) FROM {corpus}.corpus
