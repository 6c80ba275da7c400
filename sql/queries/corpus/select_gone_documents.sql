-- Documents that their source no longer has: their content, and the tokens of their chunks.
SELECT content_hash,
       coalesce((SELECT sum(token_count) FROM {corpus}.chunks WHERE document_id = documents.id AND NOT superseded), 0)
FROM {corpus}.documents WHERE id = ANY(%(document_ids)s)
