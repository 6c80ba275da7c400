"""Locks: who may do what to a corpus at the same time. The server frees them when a client dies."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from ingest.database.statements import statement
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from psycopg import Cursor

    from ingest.database.connection import Connection

Done = TypeVar("Done")

_CLASS = 0x70676920  # "pgi ": the first of the two numbers that name each of our locks
# ALTER TABLE waits for every reader, and every new reader then waits for it: so never for long, but again and again.
_SHORT_LOCK_MS = 250
_LOCK_PATIENCE_S = 300.0
_FIRST_PAUSE_S, _LOCK_PAUSE_S = 0.01, 0.5
_LIMITS = "SELECT pg_catalog.set_config('lock_timeout', %s, true), pg_catalog.set_config('statement_timeout', %s, true)"
# The second: a statement's own limit bounds its wait for several locks.
_IN_THE_WAY = (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)


@contextmanager
def corpus_lock(connection: Connection, corpus: str, purpose: str) -> Iterator[None]:
    """One process at a time does this to the corpus; another waits.

    It asks again and again: a statement that waited would hold a snapshot, for which an index that is built
    concurrently waits, and vacuum.
    """
    key = (_CLASS, f"{corpus}:{purpose}")
    pause_s = _FIRST_PAUSE_S
    while not _try(connection, key):
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LOCK_PAUSE_S)
    try:
        yield
    finally:
        _give_back(connection, key)


def try_corpus_lock(connection: Connection, purpose: str) -> AbstractContextManager[bool]:
    """Whether this process, and no other, now does this to the corpus."""
    return _tried(connection, f"{connection.corpus}:{purpose}")


def try_batch_lock(connection: Connection, corpus: str, batch_id: int) -> AbstractContextManager[bool]:
    """Whether this process, and no other, now moves this batch on.

    It is named by the version of the corpus, where one is held: another may get this one's name in the meantime.
    """
    return _tried(connection, f"{connection.version or corpus}:batch:{batch_id}")


@contextmanager
def _tried(connection: Connection, name: str) -> Iterator[bool]:
    key = (_CLASS, name)
    held = _try(connection, key)
    try:
        yield held
    finally:
        if held:
            _give_back(connection, key)


def _try(connection: Connection, key: tuple[int, str]) -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key).fetchone() == (True,)


def _give_back(connection: Connection, key: tuple[int, str]) -> None:
    """Free a lock, unless the connection is lost or in the middle of a statement: then the lock ends with it.

    An error here would take the place of what brought us out, such as an interrupt.
    """
    if connection.info.transaction_status in {TransactionStatus.IDLE, TransactionStatus.INTRANS}:
        row = connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key).fetchone()
        if row == (False,):
            raise UnreachableError(
                "a lock that was held is gone: the session was changed under way, as a pooler without sessions does. "
                "Nothing is lost: name the server itself in DATABASE_URL_DIRECT, then run the same command again."
            )


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


def share_version(cursor: Cursor[tuple[Any, ...]], corpus: str) -> None:
    """Until the end of the transaction, the corpus's name means the same version. Asked for after the books."""
    key = (_CLASS, f"{corpus}:version")
    cursor.execute("SELECT pg_catalog.pg_advisory_xact_lock_shared(%s, pg_catalog.hashtext(%s))", key)


def exclude_all(connection: Connection, *corpora: str) -> None:
    """Until the end of the transaction, no other is in the middle of one on these corpora: their names may change.

    Inside `with_short_locks`: those that are about to begin would wait behind us.
    """
    for corpus in corpora:
        connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_CLASS, f"{corpus}:version"))


def short_locks(connection: Connection) -> None:
    """Until the end of the transaction, a lock that is not to be had soon is an error: others would wait behind us."""
    connection.execute(statement("limit_waiting"), {"most_ms": _SHORT_LOCK_MS})


def with_short_locks(
    connection: Connection,
    label: str,
    work: Callable[[], Done],
    tables: Sequence[sql.Identifier] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Done:
    """Do in one transaction what locks a table against its readers; each time only for the moment it can be had.

    `tables`: those that it locks; who holds them is told by `say`.

    Raises:
        UnreachableError: for some minutes there was none.
    """
    deadline_s = time.monotonic() + _LOCK_PATIENCE_S
    told: set[str] = set()
    names = {"tables": [table.as_string(connection) for table in tables]}
    while True:
        with suppress(*_IN_THE_WAY), connection.transaction():
            short_locks(connection)
            return work()
        is_held = True
        while is_held:  # by who would keep us out again: the work before the lock is not wasted
            time.sleep(_LOCK_PAUSE_S)
            holders = dict(connection.execute(statement("list_lock_holders"), names).fetchall())
            for holder in holders.keys() - told:
                say(f"{label} is in use: waiting for {holder}")
            told.update(holders)
            if time.monotonic() > deadline_s:
                by = f" by {', '.join(holders)}" if holders else ""
                raise UnreachableError(
                    f"{label} was in use the whole time{by}, in transactions that stay open: nothing was changed. "
                    "Run again when they are over."
                )
            is_held = any(holders.values())


def hold_definitions(connection: Connection, tables: Sequence[sql.Composable]) -> None:
    """Until the end of the transaction, what these tables are stays as it is; inside `with_short_locks`.

    Nobody who reads or writes them waits behind that, and an autovacuum gives way to who waits for a second.
    """
    ((most_ms, _, deadlock_ms),) = connection.execute(statement("limit_waiting"), {"most_ms": _SHORT_LOCK_MS})
    connection.execute(_LIMITS, (str(deadlock_ms + most_ms), "0"))
    connection.execute(sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)))
    connection.execute(_LIMITS, (str(most_ms), "0"))


def change_alone(
    connection: Connection,
    tables: Sequence[sql.Composable],
    changes: Sequence[sql.Composable],
    views: Sequence[sql.Composable] = (),
) -> None:
    """Change these tables while nobody else uses them: the end of a transaction after `hold_definitions`.

    `views`: what changes views on them. It comes first, as whoever reads a view has it before its tables.
    One after the other is locked, all of them in the time that a reader may wait; and then all that is to be done goes
    to the server as one message: on a machine that is busy it is the answers between that take long.
    """
    ((most_ms, *_),) = connection.execute(statement("limit_waiting"), {"most_ms": _SHORT_LOCK_MS})
    connection.execute(_LIMITS, (str(most_ms), str(most_ms)))
    lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables))
    unlimited = sql.SQL("SET LOCAL statement_timeout TO 0")
    connection.execute(sql.SQL(";\n").join([*views, lock, unlimited, *changes]), prepare=False)
