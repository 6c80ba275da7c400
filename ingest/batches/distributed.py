"""Finished batches loaded by the workers of a cluster, on connections of their own.

Each batch is one transaction under its lock, as ever. A worker that dies takes its transaction with it; the next one
finds the batch as it was.
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from psycopg import errors

from ingest.batches.loop import Flow
from ingest.batches.reconcile import LoadReport
from ingest.batches.records import read_batch
from ingest.batches.shards import make_folder
from ingest.database.connection import connect
from ingest.database.outages import as_soon_as_one_is_free
from ingest.engines import in_order
from ingest.provider import LOCAL, open_provider
from ingest.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from ingest.batches.records import Batch
    from ingest.database.corpus import Indexing
    from ingest.engines import Engine
    from ingest.provider import Account

_AT_ONCE = 8  # connections to the database: it is what limits a load, and takes 100 in all by default
_LOCK_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Share:
    """A batch to load, and all that a worker needs for that. Of passwords and keys nothing is shown."""

    batch: Batch
    database_url: str = field(repr=False)
    corpus: str
    indexing: Indexing
    account: Account
    settings: Settings = field(repr=False)
    folder: Path
    version: UUID | None


def load_spread(
    engine: Engine,
    batches: Sequence[Batch],
    *,
    database_url: str,
    corpus: str,
    indexing: Indexing,
    account: Account,
    settings: Settings,
    folder: Path,
    version: UUID | None,
) -> LoadReport:
    """Load batches on the workers of the engine.

    Raises:
        UnreachableError: a worker cannot reach the database or the provider.
    """
    plain = Settings.model_construct(**dict(settings.without_secrets()))  # nor does what it was read from go along
    shares = ((0, Share(batch, database_url, corpus, indexing, account, plain, folder, version)) for batch in batches)
    report = LoadReport()
    for _, loaded in in_order(engine, load_share, shares, at_once=_AT_ONCE):
        report.add(loaded)
    return report


def load_share(share: Share) -> LoadReport:
    """Load one batch. Runs on a worker."""
    account, batch = share.account, share.batch
    opening = partial(connect, share.database_url, share.corpus)
    make_folder(share.folder)
    with (
        as_soon_as_one_is_free(opening, share.settings.database_wait_seconds, lambda _message: None) as connection,
        closing(open_provider(account)) as provider,
    ):
        connection.version = share.version
        # From PostgreSQL 14, on Linux: the server sees within a second that a worker died, and frees its lock.
        with suppress(errors.InvalidParameterValue, errors.UndefinedObject):
            connection.execute("SET client_connection_check_interval TO '1s'")
        flow = Flow(
            connection=connection,
            corpus=share.corpus,
            provider=provider,
            indexing=share.indexing,
            settings=share.settings,
            folder=share.folder,
            is_local=account.name == LOCAL,
            loading=lambda: None,
            loaded=lambda _report: None,
        )
        deadline_s = time.monotonic() + share.settings.database_wait_seconds
        report = flow.load([batch])
        while not report.batches and (now := read_batch(connection, batch.id)).state == "finished":
            if now.waiting or time.monotonic() > deadline_s:
                break
            time.sleep(_LOCK_PAUSE_S)
            report = flow.load([batch])
        return report
