"""Vectors on from `chunks` into a column of the user's own table, and out of it where their text stands there no more.

In pages of one transaction each, so short that nobody waits behind them: a row that another transaction has is passed
over and looked at again. A row whose text is still the one that was sent and that takes no vector (a policy, a trigger,
a constraint) is listed with the reason. Its vector stays in `chunks` and is tried again by each run: that is free.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg import errors, sql

from ingest.batches import ROW_LOCKED, ROW_REFUSED, LoadReport
from ingest.database.locks import exclusive_books, short_locks
from ingest.database.outages import passes, words_of
from ingest.database.session import as_user
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.corpus.column import ColumnTarget
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

_FEWEST_ROWS, _MOST_ROWS = 20, 1000
_PAGE_S = 0.25  # a page that takes longer is followed by a smaller one: its rows are locked for so long
_SINGLED_ROWS = 1000  # so many that others have, or a policy hides, are told from each other one by one
_LOOKS, _PAUSE_S = 20, 0.5  # at rows that others have, before they are left to the next run
_SERVERS = ("53", "57", "58", "XX000", "XX002")  # classes of errors that are not about a row


def fill(connection: Connection, corpus: str, indexing: Indexing, target: ColumnTarget) -> LoadReport:
    """Bring the vectors that have arrived into the column; rows that others have at this moment are left for later."""
    filling = _Filling(connection, corpus, indexing, target)
    filling.look_through("select_arrivals")
    return filling.report


def reconcile_rows(
    connection: Connection, corpus: str, indexing: Indexing, target: ColumnTarget, *, drop_refused: bool = False
) -> LoadReport:
    """Bring into the column what has arrived, and out of it the vectors of rows whose text is empty now.

    `drop_refused`: also where the provider does not take the new text. What rows refused is tried again. Rows that
    others have are waited for a while; then they are listed.
    """
    connection.execute(statement("forget_unfilled_rows"))
    filling = _Filling(connection, corpus, indexing, target)
    filling.look_through("select_arrivals")
    filling.wait()
    clearing = _Filling(connection, corpus, indexing, target, filling.report, clearing=True, drop_refused=drop_refused)
    clearing.look_through("select_lost_rows")
    clearing.wait()
    row = connection.execute(statement("count_unfilled_rows")).fetchone()
    filling.report.rows_unfilled = row[0] if row else 0
    return filling.report


class _Filling:
    """Rows that are given their vector, or lose it; and those that others have meanwhile."""

    def __init__(
        self,
        connection: Connection,
        corpus: str,
        indexing: Indexing,
        target: ColumnTarget,
        report: LoadReport | None = None,
        *,
        clearing: bool = False,
        drop_refused: bool = False,
    ) -> None:
        self.report = report or LoadReport()
        self._connection = connection
        self._corpus = corpus
        self._indexing = indexing
        self._target = target
        self._clearing = clearing
        self._drop_refused = drop_refused
        self._obstacle, self._lockable = target.find_obstacle(connection)
        self._rows = _FEWEST_ROWS
        self._left: set[int] = set()

    def look_through(self, name: LiteralString) -> None:
        """Take all documents that this statement finds, page by page.

        Raises:
            UsageError: the column is gone, or may not be filled any more.
        """
        after = -1
        while page := self._select(name, after, self._rows):
            if self._obstacle:
                label, why = self._target.label, self._obstacle
                raise UsageError(f"{label} cannot be filled: {why}. What is paid is kept: fix it, then run again.")
            self._take(page)
            after = page[-1]

    def wait(self) -> None:
        """Look at what is left again and again; at last it is listed."""
        # With NOWAIT, what is hidden by a policy is told from what is locked: that is an error.
        suspects, self._left = sorted(self._left), set()
        for page in self._pages(suspects[:_SINGLED_ROWS]):
            self._take(page, nowait=True)
        self._left.update(suspects[_SINGLED_ROWS:])
        for _ in range(_LOOKS):
            if not self._left:
                return
            time.sleep(_PAUSE_S)
            again, self._left = sorted(self._left), set()
            for page in self._pages(again):
                self._take(page)
        self._list(sorted(self._left), ROW_LOCKED, "another transaction holds the row")

    def _select(self, name: LiteralString, after: int, limit: int, among: Sequence[int] | None = None) -> list[int]:
        asked = {"after": after, "limit": limit, "among": among and list(among), "drop_refused": self._drop_refused}
        return [row[0] for row in self._connection.execute(statement(name), asked)]

    def _pages(self, document_ids: Sequence[int]) -> Iterator[Sequence[int]]:
        while document_ids:
            size = self._rows
            yield document_ids[:size]
            document_ids = document_ids[size:]

    def _take(self, page: Sequence[int], *, nowait: bool = False) -> None:
        """A page of documents; by halves, where one of their rows raises an error."""
        began_s = time.monotonic()
        try:
            self._put(page, nowait=nowait)
        except psycopg.Error as error:
            if isinstance(error, errors.LockNotAvailable):
                if not nowait or len(page) == 1:
                    self._left.update(page)
                    return
            elif self._connection.closed or passes(error) or (error.sqlstate or "").startswith(_SERVERS):
                raise
            elif len(page) == 1:
                self._list(page, ROW_REFUSED, f"PostgreSQL refuses it: {words_of(error)}")
                return
            middle = len(page) // 2
            self._take(page[:middle], nowait=nowait)
            self._take(page[middle:], nowait=nowait)
            return
        took_s = time.monotonic() - began_s
        if took_s > _PAGE_S:
            self._rows = max(self._rows // 2, _FEWEST_ROWS)
        elif took_s < _PAGE_S / 2:  # so that twice as many rows take no longer
            self._rows = min(self._rows * 2, _MOST_ROWS)

    def _put(self, page: Sequence[int], *, nowait: bool) -> None:
        """One transaction: the vectors of these documents in their rows, or out of them, and the books of it."""
        connection, target = self._connection, self._target
        waiting = sql.SQL("NOWAIT") if nowait else sql.SQL("SKIP LOCKED")
        locking = sql.SQL("FOR NO KEY UPDATE OF t {}").format(waiting) if self._lockable else sql.SQL("")
        outcomes: dict[str, list[int]] = {"given": [], "refused": [], "left": [], "stale": []}
        with connection.transaction():
            exclusive_books(connection, self._corpus)
            if self._clearing:  # nothing has come for them since
                page = self._select("select_lost_rows", -1, len(page), page)
            short_locks(connection)
            with as_user(connection):
                rows = connection.execute(
                    target.statement("fill_column", self._indexing, locking=locking),
                    {"document_ids": list(page), "hash_prefix": target.hash_prefix, "clearing": self._clearing},
                )
                for document_id, outcome in rows:
                    outcomes[outcome].append(document_id)
                given, stale = outcomes["given"], outcomes["stale"]
                if not self._clearing:
                    note = target.statement("note_filled_rows", self._indexing)
                    given = [row[0] for row in connection.execute(note, {"document_ids": given})]
            refused = [*outcomes["refused"], *set(outcomes["given"]).difference(given)]
            if nowait:  # nobody has them, and yet they cannot be locked
                refused += outcomes["left"]
            if refused:
                self._note(
                    refused,
                    ROW_REFUSED,
                    "the row stays as it is: a policy or a trigger of yours lets it take no UPDATE",
                )
            connection.execute(statement("forget_documents"), {"document_ids": stale})
            if self._clearing:
                connection.execute(statement("forget_filled_rows"), {"document_ids": given})
            else:
                connection.execute(statement("delete_chunks"), {"document_ids": [*given, *stale]})
            reach("column-before-commit")
        reach("column-after-commit")
        if not nowait:
            self._left.update(outcomes["left"])
        self.report.rows_edited += len(stale)
        if self._clearing:
            self.report.rows_cleared += len(given)
        else:
            self.report.rows_filled += len(given)

    def _list(self, document_ids: Sequence[int], code: str, reason: str) -> None:
        with self._connection.transaction():
            self._note(document_ids, code, reason)

    def _note(self, document_ids: Sequence[int], code: str, reason: str) -> None:
        noted = {"document_ids": list(document_ids), "code": code, "reason": reason}
        self._connection.execute(statement("note_unfilled_rows"), noted)
