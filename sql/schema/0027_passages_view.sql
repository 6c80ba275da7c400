-- The view of the passages with their documents, which is made where its name is free.
ALTER TABLE corpus
    ADD COLUMN made_view boolean NOT NULL DEFAULT false; -- by us
