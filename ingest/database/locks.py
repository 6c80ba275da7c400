"""Locks: who may do what to a corpus at the same time. The server frees them when a client dies."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from psycopg import errors
from psycopg.pq import TransactionStatus

from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.database.connection import Connection

Done = TypeVar("Done")

_CLASS = 0x70676920  # "pgi ": the first of the two numbers that name each of our locks
# ALTER TABLE waits for every reader, and every new reader then waits for it: so never for long, but again and again.
_SHORT_LOCK_MS = 500
_LOCK_TRIES = 60
_LOCK_PAUSE_S = 0.5


@contextmanager
def corpus_lock(connection: Connection, corpus: str, purpose: str) -> Iterator[None]:
    """One process at a time does this to the corpus; another waits."""
    key = (_CLASS, f"{corpus}:{purpose}")
    connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", key)
    try:
        yield
    finally:
        _give_back(connection, key)


@contextmanager
def try_batch_lock(connection: Connection, corpus: str, batch_id: int) -> Iterator[bool]:
    """Whether this process, and no other, now moves this batch on."""
    key = (_CLASS, f"{corpus}:batch:{batch_id}")
    row = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key).fetchone()
    held = row == (True,)
    try:
        yield held
    finally:
        if held:
            _give_back(connection, key)


def _give_back(connection: Connection, key: tuple[int, str]) -> None:
    """Free a lock, unless the connection is lost or in the middle of a statement: then the lock ends with it.

    An error here would take the place of what brought us out, such as an interrupt.
    """
    if connection.info.transaction_status in {TransactionStatus.IDLE, TransactionStatus.INTRANS}:
        connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


def schema_lock(connection: Connection) -> None:
    """Until the end of the transaction, one process at a time changes schemas."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext('schema'))", (_CLASS,))


def exclusive_books(connection: Connection, corpus: str) -> None:
    """Until the end of the transaction, no result is loaded: what has a vector or a request stays so.

    Without it, a sync could count on a request that a load is just removing, and its chunk would wait for ever.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_CLASS, f"{corpus}:books"))


def shared_books(connection: Connection, corpus: str) -> None:
    """Until the end of the transaction, no sync writes; other loads may."""
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s))", (_CLASS, f"{corpus}:books"))


def budget_lock(connection: Connection, corpus: str) -> None:
    """Until the end of the transaction, one process at a time counts what is in flight and adds to it."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_CLASS, f"{corpus}:budget"))


def with_short_locks(connection: Connection, label: str, work: Callable[[], Done]) -> Done:
    """Do in one transaction what locks a table against its readers; each time only for the moment it can be had.

    Raises:
        UnreachableError: for a minute there was none.
    """
    for _ in range(_LOCK_TRIES):
        with suppress(errors.LockNotAvailable), connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_SHORT_LOCK_MS}ms",))
            return work()
        time.sleep(_LOCK_PAUSE_S)
    raise UnreachableError(
        f"{label} was in use all the time, by transactions that stay open: nothing was changed in it. Run again when "
        "they are over."
    )
