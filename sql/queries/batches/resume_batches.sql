-- What was tried without success is tried again, at once; but a creation is looked for twice with a grace time between.
UPDATE {corpus}.batches SET
    tries = 0, refusals = 0, not_before = CASE WHEN state = 'creating' THEN not_before END
WHERE state NOT IN ('done', 'exported') AND tries >= %(most_tries)s
