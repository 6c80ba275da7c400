-- Finds the rows that have the vector of a text.
CREATE INDEX IF NOT EXISTS filled_rows_text ON {corpus}.filled_rows (content_hash)
