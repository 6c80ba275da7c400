-- From now on the index of our name, of this kind, is one that we made.
UPDATE {corpus}.corpus SET made_indexes = made_indexes || %(kind)s::text WHERE NOT %(kind)s = ANY(made_indexes)
