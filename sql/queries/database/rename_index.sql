-- The new index takes the old one's name.
ALTER INDEX {old} RENAME TO {new}
