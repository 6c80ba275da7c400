-- Whether the model tells documents from questions, and the texts of this corpus were embedded as documents.
ALTER TABLE corpus ADD COLUMN has_sides boolean NOT NULL DEFAULT false;
