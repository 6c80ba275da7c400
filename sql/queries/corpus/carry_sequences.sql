-- Ids of another version go on where those of either are: none comes to mean another document, or another text.
SELECT setval(pg_get_serial_sequence('{target}.documents', 'id'),
              (SELECT greatest(s.last_value, t.last_value) FROM {source}.documents_id_seq s, {target}.documents_id_seq t)),
       setval(pg_get_serial_sequence('{target}.chunks', 'id'),
              (SELECT greatest(s.last_value, t.last_value) FROM {source}.chunks_id_seq s, {target}.chunks_id_seq t))
