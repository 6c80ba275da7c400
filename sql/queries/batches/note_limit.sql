-- A rate limit let nothing through of this batch: counted, unless the batch was there already when one was counted last.
UPDATE {corpus}.corpus SET limited_rounds = limited_rounds + 1, limited_until = %(newest_id)s
WHERE limited_until < %(batch_id)s
RETURNING limited_rounds
