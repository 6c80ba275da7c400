-- Where the batches were sent from that were given up, and whose texts have failed: what is sent again is paid again.
SELECT id, sent_from FROM {corpus}.batches WHERE id IN (SELECT late_batch_id FROM {corpus}.requests WHERE failed)
