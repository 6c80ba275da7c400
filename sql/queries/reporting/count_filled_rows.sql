-- Rows that have their vectors, and the tokens of their texts.
SELECT count(*), coalesce(sum(f.token_count), 0)::bigint
FROM {corpus}.filled_rows f JOIN {corpus}.documents d ON d.id = f.document_id AND d.content_hash = f.content_hash
