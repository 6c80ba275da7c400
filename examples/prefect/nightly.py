"""Every night what changed: `python nightly.py`. While batches are in flight, up to a day, no process of it lives."""

from prefect import flow

from ingest.integrations.prefect import ingest_corpus


@flow
def nightly() -> None:
    ingest_corpus("/srv/docs", corpus="handbook", max_dollars=5)


if __name__ == "__main__":
    nightly.serve("nightly", cron="30 2 * * *")
