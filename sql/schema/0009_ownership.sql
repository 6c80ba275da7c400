-- Which objects of the database are ours, so that no other is moved or dropped.
ALTER TABLE corpus
    ADD COLUMN family       uuid, -- the same in all versions of one corpus; null: made before this step, and not proved yet
    ADD COLUMN made_schemas text[] NOT NULL DEFAULT '{}', -- for other versions, by us: such a one goes when it is empty
    ADD COLUMN made_indexes text[]; -- by us, vector and full_text; null: made before this step, and told by their names

-- A key, without which a table that is published takes no UPDATE and no DELETE.
ALTER TABLE ledger_documents
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
