-- Rows of the user's own whose vector is here and cannot be put into their column: listed with the reason, and tried again
-- by each run, as that costs nothing.
CREATE TABLE unfilled_rows (
    document_id  bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    code         text NOT NULL, -- row_refused, row_locked
    reason       text NOT NULL
);

-- Documents over the model's limit: a change of what becomes of them touches these alone.
CREATE TABLE long_rows (
    document_id  bigint PRIMARY KEY REFERENCES documents ON DELETE CASCADE
);
INSERT INTO long_rows
SELECT c.document_id FROM chunks c, corpus, column_target
WHERE NOT c.superseded
GROUP BY c.document_id, corpus.chunk_tokens
HAVING count(*) > 1 OR max(c.token_count) > corpus.chunk_tokens
UNION
-- Of a text that was cut it is not known; what comes near the limit may be one.
SELECT f.document_id FROM filled_rows f, corpus, column_target
WHERE f.token_count > corpus.chunk_tokens / CASE WHEN column_target.hash_prefix LIKE '%:cut:%' THEN 2 ELSE 1 END;
