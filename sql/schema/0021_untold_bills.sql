-- What a document's texts were billed is not known where their result lines do not tell.
ALTER TABLE ledger_documents ALTER COLUMN billed_tokens DROP NOT NULL;
