-- Whether nothing else of ours was at the provider while a batch was, nor so many seconds before it.
SELECT NOT EXISTS (
    SELECT FROM {corpus}.batches other
    WHERE other.id <> b.id AND other.endpoint = b.endpoint
      AND (other.state IN ('creating', 'submitted')
           OR other.finished_at > coalesce(b.submitted_at, now()) - make_interval(secs => %(grace_seconds)s)))
FROM {corpus}.batches b WHERE b.id = %(id)s
