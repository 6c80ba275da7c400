"""Which of the database's errors pass by themselves: work that starts from the database's state is then done again.

And which are about the values of a row: the others go on without that one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import psycopg

from ingest.database.refusals import FullError
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database.connection import Connection

    Done = TypeVar("Done")

# A cancel, a lock or a deadlock in the way, a full connection table: the same may go through a moment later.
_PASSING = ("57014", "55P03", "40001", "40P01", "53300")
# The connection, or the session at its other end: 08 is the class that poolers tell of it by, too.
_LOST = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04")
# By class of SQLSTATE: cardinality, data, integrity, WITH CHECK OPTION, a limit of the program (an index's, say), an
# exception of a trigger; and a damaged value.
_OF_VALUES = ("21", "22", "23", "44", "54", "P0", "XX001")
_MAX_FAILURES = 5  # in a row, of the passing kind
_FIRST_WAIT_S = 0.2  # doubled with each
_QUIET_S = 120.0  # so long without an error begins a new row
RECONNECT_PAUSE_S = 0.5


def passes(error: psycopg.Error) -> bool:
    """Whether trying again can help: the connection is lost, or somebody was in the way."""
    if error.sqlstate is None:  # it comes from the connection, not from a statement
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith((*_PASSING, *_LOST))


def is_of_values(error: psycopg.Error) -> bool:
    """Whether the values of some row are refused: without that row the statement can go through."""
    return (error.sqlstate or "").startswith(_OF_VALUES)


def words_of(error: psycopg.Error) -> str:
    """What PostgreSQL says, in a line."""
    return foreign(error.diag.message_primary or error)


def as_soon_as_one_is_free(
    connect: Callable[[], Connection], longest_s: float, say: Callable[[str], None]
) -> Connection:
    """A new connection. Where others have all that there are, theirs are waited for, and that is said.

    Raises:
        FullError: none of them was free in so many seconds.
    """
    deadline_s = time.monotonic() + longest_s
    is_told = False
    while True:
        try:
            return connect()
        except FullError:
            if time.monotonic() >= deadline_s:
                raise
        if not is_told:
            say("The database has no connection left for us: waiting until others end theirs.")
            is_told = True
        time.sleep(RECONNECT_PAUSE_S)


def through_outages(work: Callable[[], Done], reconnect: Callable[[], None]) -> Done:
    """Do the work, and again from the database's state after an error that passes.

    `reconnect` opens a new connection, waiting within its own bound; its error ends the work, as does an error that
    comes back again and again.
    """
    failures = 0
    last_s = time.monotonic()
    while True:
        try:
            return work()
        except psycopg.Error as error:
            now_s = time.monotonic()
            failures = 1 if now_s - last_s > _QUIET_S else failures + 1
            last_s = now_s
            if not passes(error) or failures > _MAX_FAILURES:
                raise
            time.sleep(_FIRST_WAIT_S * 2 ** (failures - 1))
            reconnect()
