-- The texts of these documents' chunks, as they are embedded and as they stand there.
SELECT document_id, text_hash, sha256(convert_to(content, 'UTF8')), token_count FROM {corpus}.chunks
WHERE document_id = ANY(%(document_ids)s) AND NOT superseded
