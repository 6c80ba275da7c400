-- The values of all documents are to be looked for anew, as other fields are wanted.
UPDATE {corpus}.documents SET filter_values = NULL WHERE filter_values IS NOT NULL
