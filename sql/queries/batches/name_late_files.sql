-- The provider names a batch's files at last, and what it completed.
UPDATE {corpus}.batches SET output_file_id = %(output_file_id)s, error_file_id = %(error_file_id)s,
                            provider_completed = greatest(provider_completed, %(completed)s),
                            reported_tokens = coalesce(reported_tokens, %(reported_tokens)s)
WHERE id = %(id)s AND state = 'done'
