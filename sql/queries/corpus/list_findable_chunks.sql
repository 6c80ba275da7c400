-- Those of these passages that a search with its filters can find.
SELECT c.id FROM {corpus}.chunks c WHERE c.id = ANY(%(chunk_ids)s) AND {wanted}
