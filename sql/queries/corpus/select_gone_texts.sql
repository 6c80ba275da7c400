-- The texts without vectors of documents that their source no longer has.
SELECT text_hash FROM {corpus}.chunks WHERE document_id = ANY(%(document_ids)s) AND embedding IS NULL
