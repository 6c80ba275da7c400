-- A provider's address may no longer hold a password: that of what was sent before goes out of the books, whose batches are
-- then found by the address that is left. Limits are learned again.
UPDATE batches SET endpoint = regexp_replace(endpoint, '^([A-Za-z]+://)[^/]*@', '\1') WHERE endpoint LIKE '%@%';
DELETE FROM learned_limits WHERE endpoint LIKE '%@%';
