"""`python nightly.py` begins a run, paused while its batches are in flight; `python nightly.py look` resumes it."""

import sys

from zenml import pipeline

from ingest.integrations.zenml import ingest_corpus, look


@pipeline(dynamic=True)
def nightly() -> None:
    ingest_corpus("/srv/docs", corpus="handbook", max_dollars=5)


if __name__ == "__main__":
    look("handbook") if sys.argv[1:] else nightly()
