-- Where in a file of text its passages stand. With the document, whose row an edit writes anyway: in chunks, a line that is put
-- above others would write each passage below it, and each index of these, anew.
ALTER TABLE documents
    ADD COLUMN line_marks  integer[], -- at which characters lines are counted anew, each with its line; null: lines mean nothing
    ADD COLUMN first_lines integer[], -- by the ordinal of each passage, the first one at 1: the line that it begins on
    ADD COLUMN last_lines  integer[]; -- and that it ends on
