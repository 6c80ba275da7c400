-- A rate limit let something through, or its run has ended with that.
UPDATE {corpus}.corpus SET limited_rounds = 0 WHERE limited_rounds > 0
