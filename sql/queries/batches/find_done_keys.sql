-- Of these keys, those of batches that are done: nothing at this provider is needed under them any more.
SELECT key, sent_from FROM {corpus}.batches WHERE state = 'done' AND endpoint = %(endpoint)s AND key = ANY(%(keys)s)
