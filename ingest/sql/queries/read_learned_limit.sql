-- What was learned of a limit; accounts grow, so after a day it is tried anew.
SELECT enqueued_tokens FROM learned_limits
WHERE endpoint = %(endpoint)s AND model = %(model)s AND learned_at > now() - interval '1 day'
