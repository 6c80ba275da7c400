-- Requests that wait or have failed, and whose text no chunk has any more. What is under way is paid and stays.
DELETE FROM {corpus}.requests
WHERE batch_id IS NULL AND NOT EXISTS (SELECT FROM {corpus}.chunks WHERE chunks.text_hash = requests.text_hash)
