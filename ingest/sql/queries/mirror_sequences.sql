-- Ids go on where those of the corpus in use are.
SELECT setval(pg_get_serial_sequence('documents', 'id'), (SELECT last_value FROM {used}.documents_id_seq)),
       setval(pg_get_serial_sequence('chunks', 'id'), (SELECT last_value FROM {used}.chunks_id_seq))
