-- Rows over the model's limit are not sent: they are listed as failed, with the reason.
UPDATE {corpus}.requests SET failed = true, refused = true, error_code = 'over_limit',
                    error_message = format('%%s tokens, over the limit of %%s', requests.token_count, %(max_tokens)s::int)
FROM {corpus}.chunks
WHERE chunks.document_id = ANY(%(document_ids)s) AND chunks.text_hash = requests.text_hash
  AND requests.batch_id IS NULL AND requests.token_count > %(max_tokens)s
