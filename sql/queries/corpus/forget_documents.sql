-- Rows that were edited while their texts were in flight: they are read again, and so wait again.
UPDATE {corpus}.documents SET content_hash = '', source_version = NULL WHERE id = ANY(%(document_ids)s)
