-- Whether the corpus holds any document.
SELECT EXISTS (SELECT FROM {corpus}.documents)
