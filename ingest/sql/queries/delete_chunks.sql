-- These documents' chunks have served.
DELETE FROM chunks WHERE document_id = ANY(%(document_ids)s)
