-- Rows that were edited while their vectors were on the way: they are read again, and so go back in line.
UPDATE {corpus}.documents SET content_hash = '', source_version = NULL WHERE id = ANY(%(document_ids)s)
