-- What documents have cost, by the lines that answered for their texts, the dearest first; null is those that are gone, and what
-- was not told of some of their texts.
SELECT d.uri, sum(l.estimated_tokens)::bigint,
       CASE WHEN bool_and(l.billed_tokens IS NOT NULL) THEN sum(l.billed_tokens)::bigint END,
       CASE WHEN bool_and(billed.millionths IS NOT NULL) THEN sum(billed.millionths) / 1e6 END
FROM {corpus}.ledger_documents l JOIN {corpus}.ledger ON ledger.id = l.ledger_id
LEFT JOIN {corpus}.documents d ON d.id = l.document_id
CROSS JOIN LATERAL (SELECT l.billed_tokens * ledger.usd_per_million) billed(millionths)
GROUP BY d.id
ORDER BY sum(coalesce(l.billed_tokens, l.estimated_tokens)) DESC, sum(l.estimated_tokens) DESC, d.uri
LIMIT %(limit)s
