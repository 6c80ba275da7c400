-- Of the requests that count_unsent_requests counts, those of texts that go: of which so many chunks go as there are.
SELECT count(*), coalesce(sum(r.token_count), 0)::bigint
FROM unnest(%(hashes)s::bytea[], %(counts)s::bigint[]) AS going (text_hash, chunk_count)
JOIN {corpus}.requests r ON r.text_hash = going.text_hash
WHERE (r.batch_id IS NULL AND NOT r.failed
       OR r.batch_id IN (SELECT id FROM {corpus}.batches WHERE state IN ('ready', 'uploading', 'uploaded', 'answering')
                                                   OR state = 'finished' AND provider_status = 'interrupted'))
  AND going.chunk_count = (SELECT count(*) FROM {corpus}.chunks WHERE chunks.text_hash = r.text_hash)
