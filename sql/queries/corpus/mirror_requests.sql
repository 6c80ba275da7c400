-- One request for each text that has no vector and no request yet: as its chunk, or, where a request for another text is on
-- its way under that number, by a number that no chunk will have.
INSERT INTO {corpus}.requests (chunk_id, text_hash, token_count)
SELECT CASE WHEN EXISTS (SELECT FROM {corpus}.requests taken WHERE taken.chunk_id = missing.id)
            THEN nextval(pg_get_serial_sequence('{used}.chunks', 'id')) ELSE missing.id END,
       missing.text_hash, missing.token_count
FROM (SELECT DISTINCT ON (text_hash) id, text_hash, token_count FROM {corpus}.chunks
      WHERE embedding IS NULL AND NOT EXISTS (SELECT FROM {corpus}.requests WHERE requests.text_hash = chunks.text_hash)
      ORDER BY text_hash, id) missing
