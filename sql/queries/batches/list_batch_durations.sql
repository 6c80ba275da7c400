-- How long the last batches of an endpoint and a model took, in seconds. The end is when we saw it: a batch that was long
-- over when it was asked after took no more than the day after which it expires.
SELECT least(extract(epoch FROM finished_at - submitted_at), 86400)::float8
FROM {corpus}.batches
WHERE state IN ('finished', 'done') AND endpoint = %(endpoint)s AND model = %(model)s
  AND provider_status IN ('completed', 'expired') AND finished_at > submitted_at
ORDER BY finished_at DESC LIMIT 200
