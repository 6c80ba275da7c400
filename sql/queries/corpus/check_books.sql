-- What is wrong with the column and the books of requests and batches, in words; each with how many, and one of them.
SELECT 'passages are of no document, but of some that are gone', count(*), min(c.document_id)::text FROM {corpus}.chunks c
WHERE NOT EXISTS (SELECT FROM {corpus}.documents d WHERE d.id = c.document_id) HAVING count(*) > 0
UNION ALL
SELECT 'texts are waited for that no passage has', count(*), min(r.chunk_id)::text FROM {corpus}.requests r
WHERE r.batch_id IS NULL AND NOT EXISTS (SELECT FROM {corpus}.chunks c WHERE c.text_hash = r.text_hash) HAVING count(*) > 0
UNION ALL
SELECT 'texts are waited for of batches that are done, or have failed and are in flight', count(*), min(r.chunk_id)::text
FROM {corpus}.requests r JOIN {corpus}.batches b ON b.id = r.batch_id WHERE b.state = 'done' OR r.failed HAVING count(*) > 0
UNION ALL
SELECT 'batches are in flight with other texts than they were sent with', count(*), min(b.key) FROM {corpus}.batches b
WHERE b.state NOT IN ('done', 'exported')
  AND b.request_count <> (SELECT count(*) FROM {corpus}.requests r WHERE r.batch_id = b.id) HAVING count(*) > 0
UNION ALL
SELECT 'batches are in flight that are of another model', count(*), min(b.key) FROM {corpus}.batches b, {corpus}.corpus
WHERE b.state <> 'done' AND (b.model, b.dimensions) <> (corpus.model, corpus.dimensions) HAVING count(*) > 0
UNION ALL
SELECT 'the column chunks.embedding is not of the dimensions and the type of the corpus', 1, format_type(atttypid, atttypmod)
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid, {corpus}.corpus
WHERE attrelid = '{corpus}.chunks'::regclass AND attname = 'embedding'
  AND (t.typname, atttypmod) <> (corpus.vector_type, corpus.dimensions)
UNION ALL
SELECT 'the next id is one that there is', 1, s.last_value::text FROM {corpus}.chunks_id_seq s
WHERE s.last_value < greatest((SELECT max(id) FROM {corpus}.chunks), (SELECT max(chunk_id) FROM {corpus}.requests))
UNION ALL
SELECT 'the next id is one that there is', 1, s.last_value::text FROM {corpus}.documents_id_seq s
WHERE s.last_value < (SELECT max(id) FROM {corpus}.documents)
UNION ALL
SELECT 'the view passages reads other passages than these', 1, v.relname::text
FROM {corpus}.corpus held, pg_class chunks
JOIN pg_class v ON v.relnamespace = chunks.relnamespace JOIN pg_rewrite r ON r.ev_class = v.oid
WHERE held.made_view AND chunks.oid = '{corpus}.chunks'::regclass AND v.relname = 'passages' AND v.relkind = 'v'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = chunks.oid)
