"""Where batches were sent from: this database, or another of which it is a copy.

A copy (`CREATE DATABASE … TEMPLATE`, a dump that was restored elsewhere) has the books of the first, with its batches
in flight. Their results may be loaded here as well, which costs nothing; but the first still waits for them, so they
are not cancelled, cleaned or sent again from here, unless a person says so. A standby that was promoted is the same
database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ingest.batches.records import ABANDONED
from ingest.database.identity import this_database
from ingest.formatting import counted, some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.database.identity import SentFrom

# Whether what was sent from another database may be touched all the same; it is told which, and what would be done.
Permit: TypeAlias = "Callable[[str], bool]"


def is_foreign(connection: Connection, batch: Batch) -> bool:
    """Whether a batch was sent from another database."""
    return not this_database(connection).is_same(batch.sent_from)


def may_be_behind(connection: Connection, batch: Batch) -> bool:
    """Whether a standby was promoted since this batch was written: it may have gone further than its row says."""
    then, now = (batch.sent_from or {}).get("timeline"), this_database(connection).timeline
    return bool(then and now and then != now)


def is_left_to_another(connection: Connection, batch: Batch) -> bool:
    """Whether what failed in a batch is sent again by the database that sent it: not where a person gave it up here."""
    return is_foreign(connection, batch) and not batch.cancel_asked and batch.provider_status != ABANDONED


def foreign_among(connection: Connection, batches: Iterable[Batch]) -> list[Batch]:
    """Those of these batches that were sent from another database."""
    return [batch for batch in batches if is_foreign(connection, batch)]


def described_origins(origins: Sequence[SentFrom], what: str) -> str:
    """That so many batches were sent from another database, and what would be done to them."""
    names = sorted({origin["name"] for origin in origins if origin})
    batches = counted(len(origins), "batch was", "batches were")
    return (
        f"{batches} sent from another database, {some(names)}, of which this one is a copy, and which may still wait "
        f"for what they bring: {what}"
    )
