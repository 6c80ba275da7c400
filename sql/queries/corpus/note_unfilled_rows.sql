-- These rows take no vector, and why.
INSERT INTO {corpus}.unfilled_rows (document_id, code, reason)
SELECT id, %(code)s, %(reason)s FROM {corpus}.documents WHERE id = ANY(%(document_ids)s)
ON CONFLICT (document_id) DO UPDATE SET code = EXCLUDED.code, reason = EXCLUDED.reason
