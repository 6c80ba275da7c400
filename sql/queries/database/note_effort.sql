-- How much a search by an index looks at, as its comment: gone with the index, dumped and restored with it.
COMMENT ON INDEX {name} IS {note}
