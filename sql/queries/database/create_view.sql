-- The searchable passages with their documents; who reads them needs the right to read both tables, and their policies hold.
CREATE OR REPLACE VIEW {corpus}.passages WITH (security_invoker = true) AS SELECT {columns}
FROM {corpus}.chunks c JOIN {corpus}.documents d ON d.id = c.document_id
WHERE c.embedding IS NOT NULL
