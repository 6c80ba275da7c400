-- A duplicate is noted before it is cancelled; which is new comes back.
INSERT INTO {corpus}.duplicates (provider_batch_id, batch_id) VALUES (%(provider_batch_id)s, %(batch_id)s)
ON CONFLICT DO NOTHING RETURNING batch_id
