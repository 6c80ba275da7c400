-- How much is still to be sent: what waits, as count_waiting_requests, and what is written but not created.
-- What is being answered counts in full, until it is loaded: an approval is never for less than what may be sent.
SELECT count(*), coalesce(sum(token_count), 0)::bigint FROM {corpus}.requests
WHERE (batch_id IS NULL AND NOT failed
       OR batch_id IN (SELECT id FROM {corpus}.batches WHERE state IN ('ready', 'uploading', 'uploaded', 'answering')
                                                 OR state = 'finished' AND provider_status = 'interrupted'))
  AND EXISTS (SELECT FROM {corpus}.chunks WHERE chunks.text_hash = requests.text_hash)
