-- What documents have cost, by the lines that answered for their texts, the dearest first; null is those that are gone.
SELECT d.uri, sum(l.estimated_tokens)::bigint, sum(l.billed_tokens)::bigint,
       sum(l.billed_tokens * ledger.usd_per_million) / 1e6
FROM ledger_documents l JOIN ledger ON ledger.id = l.ledger_id LEFT JOIN documents d ON d.id = l.document_id
GROUP BY d.id
ORDER BY sum(l.billed_tokens) DESC, sum(l.estimated_tokens) DESC, d.uri
LIMIT %(limit)s
