-- What it takes to go on after faults: patience with calls and batches, and what the provider says it takes.
ALTER TABLE batches
    ADD COLUMN tries           integer NOT NULL DEFAULT 0, -- calls in a row that were unclear or refused
    ADD COLUMN faults          jsonb,                      -- why it did not validate, line by line
    ADD COLUMN progressed_at   timestamptz,                -- when the provider last told something new
    ADD COLUMN cancel_asked_at timestamptz,
    ADD COLUMN cleaned_at      timestamptz;                -- its files at the provider are deleted

ALTER TABLE requests
    ADD COLUMN not_before timestamptz; -- waits again, to be sent from then on

-- The tokens that a provider takes at once, as its last refusal named them.
CREATE TABLE learned_limits (
    endpoint        text NOT NULL,
    model           text NOT NULL,
    enqueued_tokens bigint NOT NULL,
    learned_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (endpoint, model)
);
