-- Whether it is the text that the provider does not take. What failed for any other reason may be embedded another time.
ALTER TABLE requests
    ADD COLUMN refused boolean NOT NULL DEFAULT false;
UPDATE requests SET refused = true WHERE failed AND error_code = 'over_limit';
