-- These documents' chunks have served.
DELETE FROM {corpus}.chunks WHERE document_id = ANY(%(document_ids)s)
