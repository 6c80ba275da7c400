"""Why the provider refused the account, where that ended the last run, submit or load: kept until one succeeds."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from ingest.database.statements import statement
from ingest.errors import IngestError
from ingest.provider import AccountError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.database.connection import Connection


@dataclass(frozen=True, slots=True)
class Refusal:
    """When it was, and what was told of it, with what to do."""

    at: str
    words: str


@contextmanager
def noting_refusal(connection: Callable[[], Connection]) -> Iterator[None]:
    """Note it in the corpus's books where the account is refused; where that cannot be, it is told all the same."""
    try:
        yield
    except AccountError as error:
        with suppress(psycopg.Error, IngestError):
            connection().execute(statement("note_refusal"), {"words": str(error)})
        raise


def read_refusal(connection: Connection) -> Refusal | None:
    """What is noted; None where the last one succeeded."""
    row = connection.execute(statement("read_refusal")).fetchone()
    return Refusal(row[0].isoformat(timespec="seconds"), row[1]) if row else None


def forget_refusal(connection: Connection) -> None:
    """The account is taken again."""
    connection.execute(statement("forget_refusal"))
