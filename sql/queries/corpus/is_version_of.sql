-- Whether a corpus made before families were noted is a version of the one in use: it is empty, or what only copying makes
-- stands in both, a document under the same id and time, or the cost of a batch of the one in the ledger of the other.
SELECT NOT EXISTS (SELECT FROM {other}.documents) AND NOT EXISTS (SELECT FROM {other}.batches)
    OR EXISTS (SELECT FROM {other}.documents o JOIN {used}.documents u USING (id, uri, updated_at))
    OR EXISTS (SELECT FROM {other}.batches o JOIN {used}.ledger u ON u.batch_key = o.key)
    OR EXISTS (SELECT FROM {other}.ledger o JOIN {used}.batches u ON u.key = o.batch_key)
    OR EXISTS (SELECT FROM {other}.column_target o JOIN {used}.column_target u
               USING (table_schema, table_name) WHERE o.vector_name = u.vector_name || %(suffix)s)
