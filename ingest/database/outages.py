"""Which of the database's errors pass by themselves: work that starts from the database's state is then done again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    Done = TypeVar("Done")

# A statement or lock time-out, a deadlock, a full connection table: the same may go through a moment later.
_PASSING = (
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.TooManyConnections,
)
_LOST = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
)
_MAX_FAILURES = 5  # in a row, of the passing kind
_FIRST_WAIT_S = 0.2  # doubled with each
_QUIET_S = 120.0  # so long without an error begins a new row


def passes(error: psycopg.Error) -> bool:
    """Whether trying again can help: the connection is lost, or somebody was in the way."""
    if isinstance(error, (*_PASSING, *_LOST)):
        return True
    # Without a state of its own it comes from the connection, not from a statement.
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None


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
