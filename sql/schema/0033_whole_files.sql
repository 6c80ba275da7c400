-- Files of records that were read whole, so that one that is unchanged need not be read again.
CREATE TABLE whole_files (
    uri            text PRIMARY KEY,
    source         text NOT NULL,    -- that of its documents
    version        text NOT NULL,    -- its size and mtime, how it is read, and how its documents are chunked
    document_count integer NOT NULL,
    digest         numeric NOT NULL  -- of its documents' URIs and versions, as they stood then
);
