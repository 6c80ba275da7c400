-- These rows have no vector of ours any more.
DELETE FROM {corpus}.filled_rows WHERE document_id = ANY(%(document_ids)s)
