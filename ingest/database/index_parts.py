"""Values of a filter whose passages have a vector index of their own: a partial one, beside that of all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from psycopg import sql

from ingest.database.statements import statement
from ingest.database.vector_column import PASSAGES, SEARCHED_EXACTLY
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.telemetry import Progress

_MOST = 100  # the planner weighs each for each search, and each write asks each whether it is meant
_NAME = re.compile(re.escape(PASSAGES.index_name()) + r"_[0-9a-f]{12}(_building|_replaced)?")


@dataclass(frozen=True, slots=True)
class Part:
    """The passages that an index is for. `condition`: None for all of them; `suffix`: of the index's name."""

    rows: int
    condition: str | None = None
    suffix: str = ""


def check_parts(connection: Connection, by: str | None) -> None:
    """See that the corpus has the filter `by`.

    Raises:
        UsageError: it has none of that name.
    """
    (filters,) = connection.execute(statement("read_filters")).fetchone() or ({},)
    if by is not None and by not in filters:
        raise UsageError(
            f"index_by is {by}, which is no filter of the corpus {connection.corpus}: add it to the setting filters, "
            "with its type, and run again."
        )


def find_parts(connection: Connection, by: str | None, progress: Progress) -> list[Part]:
    """Those that the corpus should have: the values of the filter `by` that many passages have, the most first.

    Raises:
        UsageError: it has no such filter.
    """
    check_parts(connection, by)
    if by is None:
        return []
    column = sql.Identifier(by)
    query = statement("count_by_value").format(column=column, few=sql.Literal(SEARCHED_EXACTLY))
    found = connection.execute(query).fetchall()
    if len(found) > _MOST:
        progress.say(f"index_by: of {len(found):,} values of {by} the {_MOST} with the most passages have an index")
    parts = []
    for value, rows in found[:_MOST]:
        condition = sql.SQL("{} = {}").format(column, sql.Literal(value)).as_string(connection)
        parts.append(Part(rows, condition, f"_{sha256(condition.encode()).hexdigest()[:12]}"))
    return parts


def is_part(name: str) -> bool:
    """Whether an index of this name is of a part."""
    return _NAME.fullmatch(name) is not None
