"""News of batches, by PostgreSQL's NOTIFY: from whoever heard that one ended to the runs that wait for it.

A hint and no more: it says where to look, and what is looked at is the provider's own word. Who was not listening looks
when his pause is over.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from ingest.database.connection import connect
from ingest.database.statements import statement

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ingest.database.connection import Connection


def tell(database_url: str, provider_batch_id: str) -> None:
    """Tell all runs on a database that a batch has ended."""
    with connect(database_url, None) as connection:
        connection.execute(statement("tell_of_batch"), {"provider_batch_id": provider_batch_id})


def listen(connection: Connection) -> None:
    """Keep the news from now on; without it `wait_for_news` just waits."""
    connection.execute(statement("listen_to_batches"))


def wait_for_news(connection: Connection, longest_s: float, batch_ids: AbstractSet[str | None]) -> bool:
    """Wait until one of these batches, by the provider's ids, has ended, or the time is over; whether one has."""
    deadline_s = time.monotonic() + longest_s
    while True:
        left_s = max(deadline_s - time.monotonic(), 0)
        with closing(connection.notifies(timeout=left_s, stop_after=1)) as news:
            told = [each.payload for each in news]
        if not batch_ids.isdisjoint(told):
            return True
        if time.monotonic() >= deadline_s:
            return False
