-- The ledger's entries by document go to another version of the corpus, to the documents of the same name.
WITH gone AS (DELETE FROM {source}.ledger_documents RETURNING ledger_id, document_id, estimated_tokens, billed_tokens)
INSERT INTO {target}.ledger_documents (ledger_id, document_id, estimated_tokens, billed_tokens)
SELECT gone.ledger_id, there.id, gone.estimated_tokens, gone.billed_tokens
FROM gone LEFT JOIN {source}.documents here ON here.id = gone.document_id
LEFT JOIN {target}.documents there ON there.uri = here.uri
