-- A passage that begins inside a table is embedded with the table's caption and header row: these stand beside it.
ALTER TABLE chunks
    ADD COLUMN table_header text NOT NULL DEFAULT ''; -- embedded between the headings and the content; '' outside tables
