-- The words of the field: a batch that the provider has twice is a duplicate, and tokens that brought nothing are wasted.
ALTER TABLE twins RENAME TO duplicates;
ALTER TABLE duplicates RENAME CONSTRAINT twins_pkey TO duplicates_pkey;
ALTER TABLE duplicates RENAME CONSTRAINT twins_batch_id_fkey TO duplicates_batch_id_fkey;
ALTER TABLE ledger RENAME COLUMN vain_tokens TO wasted_tokens;
