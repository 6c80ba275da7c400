-- A limit of tokens is by the provider's count, which need not be ours; and a batch may be too large by itself.
ALTER TABLE learned_limits
    ALTER COLUMN enqueued_tokens DROP NOT NULL,     -- by the provider's count; null: none was named
    ADD COLUMN refused_tokens bigint,               -- by our count: of the smallest batch that was refused by itself
    ADD COLUMN refused_at     timestamptz,
    ADD COLUMN counted_tokens double precision,     -- of texts that came back, by our count, older ones for less and less
    ADD COLUMN billed_tokens  double precision;     -- of the same texts, by the provider's

-- How many tokens of the provider's go with one of ours, as far as was known when it was sent: estimates are by it.
ALTER TABLE corpus
    ADD COLUMN token_ratio double precision NOT NULL DEFAULT 1;
ALTER TABLE batches
    ADD COLUMN token_ratio double precision NOT NULL DEFAULT 1,
    ADD COLUMN refusals    integer NOT NULL DEFAULT 0; -- in a row, as the queue was full
