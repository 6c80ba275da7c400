"""What a session of ours counts on: set when it is opened, not hoped for; and whether there is a session at all.

Servers, databases and roles have defaults of their own (`ALTER ROLE … SET`), and a pooler may hand the same client to
another session of the server with each transaction.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from ingest.database.statements import statement
from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.database.connection import Connection

SETTINGS = {
    # Each statement sees what is committed before it: a load waits for a sync, and then sees what that wrote.
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # An intent that the server loses in a crash is a batch that is paid twice.
    "synchronous_commit": "on",
    # A statement takes what it takes, but waits for nobody without end: after some times the run stops, resumable.
    # Where others may have to wait for us, a transaction sets its own, short limits.
    "statement_timeout": "0",
    "lock_timeout": "1min",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    # Should we hang, others need not wait for us for ever.
    "idle_in_transaction_session_timeout": "10min",
    # Else no foreign key is kept, and what a document had stays without it.
    "session_replication_role": "origin",
    # Rows that a policy hides are an error, not fewer rows.
    "row_security": "off",
    "default_table_access_method": "heap",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",  # else what is null in an array that we send is the word
    "quote_all_identifiers": "off",  # types are compared by their names
}
_PROBES = 8
_PROBE_S = 5.0


def open_session(connection: Connection) -> None:
    """Set what we count on, and find where pgvector is."""
    settings = dict(SETTINGS)
    if connection.corpus is None:  # names and policies of the user's own hold
        del settings["row_security"]
    else:
        path = (sql.Identifier(name).as_string(connection) for name in ("pg_catalog", connection.corpus, "pg_temp"))
        settings["search_path"] = ", ".join(path)
    parameters = {"names": list(settings), "values": list(settings.values())}
    row = connection.execute(statement("open_session"), parameters).fetchone()
    connection.vector_schema, connection.own_path = row or (None, "")


def keeps_session(connection: Connection, another: Callable[[], Connection]) -> bool:
    """Whether what is set in one transaction holds in the next; nothing is set to find out, as others might get it.

    A pooler makes up the process id that it names at the start, by which a client asks it to cancel: where it is the
    server's own, there is none. Behind a pooler we must have the same session of the server again and again, and
    a second client another one, while it holds a transaction open. By chance a pooler without sessions may answer so,
    too: it is asked several times. Where a second client gets none, sessions are few, or others have them all: then
    nobody else may have had ours between two transactions.

    `another` opens a second connection.
    """
    first = _process_id(connection)
    if first == connection.info.backend_pid:
        return True
    with _opened_beside(another) as second:
        if second is None:
            _, turn = _turn(connection)
            return all(_turn(connection) == (first, turn + number) for number in range(1, _PROBES))
        for _ in range(_PROBES):
            try:
                with second.transaction():
                    if _process_id(second) == first or _process_id(connection) != first:
                        return False
            except errors.ProtocolViolation:  # PgBouncer's word where each statement is a transaction
                return False
    return True


def _process_id(connection: Connection) -> int:
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row[0] if row else -1


def _turn(connection: Connection) -> tuple[int, int]:
    # Prepared, a statement would take a transaction of its own.
    row = connection.execute(statement("read_turn"), prepare=False).fetchone()
    return (row[0], row[1]) if row else (-1, -1)


@contextmanager
def _opened_beside(another: Callable[[], Connection]) -> Iterator[Connection | None]:
    """A second connection; None where none is to be had soon."""
    opened: Queue[Connection] = Queue()
    is_over = Event()

    def open_it() -> None:
        with suppress(psycopg.Error, IngestError), another() as second:
            _process_id(second)  # a pooler may let a client in, and wait with its first statement
            opened.put(second)
            is_over.wait()

    thread = Thread(target=open_it, daemon=True)
    thread.start()
    try:
        yield opened.get(timeout=_PROBE_S)
    except Empty:
        yield None
    finally:
        is_over.set()


@contextmanager
def waiting_at_most(connection: Connection, wait_s: float) -> Iterator[None]:
    """Until the end of the block, outside a transaction, a lock is waited for so long, and no longer; 0: to its end."""
    limit = "SELECT pg_catalog.set_config('lock_timeout', %s, false)"
    connection.execute(limit, (f"{wait_s}s",))
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # what became of the connection is told by what was done on it
            connection.execute(limit, (SETTINGS["lock_timeout"],))


@contextmanager
def on_path(connection: Connection, *schemas: str) -> Iterator[None]:
    """Until the end of the block, inside a transaction, these schemas are the search path, and nothing else."""
    change = "SELECT pg_catalog.set_config('search_path', %s, true)"
    row = connection.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
    connection.execute(change, (", ".join(sql.Identifier(name).as_string(connection) for name in schemas),))
    yield
    connection.execute(change, row)


@contextmanager
def as_user(connection: Connection) -> Iterator[None]:
    """Until the end of the block, inside a transaction, the user's own search path and policies.

    For statements that make his triggers and views run: all else in them bears its schema, functions and operators too.
    """
    change = "SELECT pg_catalog.set_config('search_path', %s, true), pg_catalog.set_config('row_security', %s, true)"
    row = connection.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
    connection.execute(change, (connection.own_path, "on"))
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # his deferred triggers: at the end they would have our path
    connection.execute(change, (row[0] if row else "", "off"))
