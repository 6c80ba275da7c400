-- The texts without vectors of documents that their source no longer has.
SELECT text_hash FROM {corpus}.chunks JOIN {corpus}.documents ON documents.id = chunks.document_id
WHERE source = ANY(%(sources)s) AND embedding IS NULL
  AND NOT EXISTS (SELECT FROM unnest(%(seen_ids)s::bigint[]) seen WHERE seen = documents.id)
