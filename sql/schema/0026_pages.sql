-- Where in a PDF or a deck of slides a passage stands, for applications to cite.
ALTER TABLE chunks
    ADD COLUMN first_page integer, -- the page or slide that it begins on, counted from 1; null where there are none
    ADD COLUMN last_page integer;  -- and that it ends on
