"""The terms of the passages that are there, for searches by words: kept, made for a corpus that lacks them, or dropped.

Those of new passages are written by sync, in the transaction that writes the passage; with a passage they go.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ingest.database.locks import corpus_lock, exclusive_books, with_short_locks
from ingest.database.statements import statement
from ingest.failpoints import reach
from ingest.keywords import TERMS_VERSION, detect_language, make_terms
from ingest.model import embedded_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import sql

    from ingest.database.connection import Connection
    from ingest.telemetry import Progress

_AT_ONCE = 1000  # passages in a transaction


class Keywords(NamedTuple):
    """How the terms of a corpus were made: of which version; by which language, None: by that of each document.

    `languages`: those that were; `is_filled`: all passages have theirs; `is_readable`: for this role.
    """

    version: int | None
    language: str | None
    languages: list[str]
    is_filled: bool
    is_readable: bool

    @property
    def filled_languages(self) -> list[str] | None:
        """By which languages all passages have their terms; None where not all have."""
        return self.languages if self.is_filled else None

    @property
    def lack(self) -> str | None:
        """Why nothing is found by words here; None where it is."""
        if not self.is_readable:
            return "this role may not read chunk_terms (GRANT SELECT on it)"
        if self.version == TERMS_VERSION and self.is_filled:
            return None
        return "the passages have no terms of this version: the next `ingest run` or `ingest sync` makes them, unpaid"


def read_keywords(connection: Connection) -> Keywords:
    """How the terms of this corpus were made."""
    row = connection.execute(statement("read_keywords")).fetchone()
    return Keywords(*row) if row else Keywords(None, None, [], is_filled=False, is_readable=True)


def settle_keywords(
    connection: Connection, corpus: str, progress: Progress, language: str | None, *, made: bool
) -> int:
    """Give all passages their terms, or none, where they are not `made`; how many got theirs now. It is resumed.

    Nothing is paid, and searches go on; by words they do once all passages have their terms.
    """
    wanted = (TERMS_VERSION, language) if made else (None, None)
    there = read_keywords(connection)
    if (there.version, there.language) == wanted and (there.is_filled or not made):
        return 0
    with corpus_lock(connection, corpus, "sync"):
        there = read_keywords(connection)
        if (there.version, there.language) != wanted:
            with_short_locks(connection, corpus, lambda: _begin(connection, corpus, *wanted))
        return _fill(connection, corpus, progress, language) if made else 0


def mirror_keywords(connection: Connection, corpus: str) -> None:
    """Give the passages of the next version, which is the connection's, the terms of those in use."""
    from psycopg import sql

    used: sql.Composable = sql.Identifier(corpus)
    for name in ("mirror_delete_terms", "mirror_terms", "mirror_keywords"):
        connection.execute(statement(name).format(used=used))


def _begin(connection: Connection, corpus: str, version: int | None, language: str | None) -> None:
    exclusive_books(connection, corpus)
    connection.execute(statement("empty_terms"))
    connection.execute(statement("write_keywords"), {"version": version, "language": language})


def _fill(connection: Connection, corpus: str, progress: Progress, language: str | None) -> int:
    filled = 0
    for rows in _without_terms(connection):
        found: list[tuple[int, int, list[int]]] = []
        languages = set()
        for _, chunks in groupby(rows, key=lambda row: row[1]):
            texts = [(row[0], embedded_text(*row[2:])) for row in chunks]
            spoken = language or detect_language("\n".join(text for _, text in texts))
            languages.add(spoken)
            for chunk_id, text in texts:
                terms = make_terms(text, spoken)
                found.append((chunk_id, terms.length, list(terms.keys)))
        ids, lengths, keys = (list(column) for column in zip(*found, strict=True))
        with connection.transaction():
            exclusive_books(connection, corpus)
            written = [str(each).replace("[", "{").replace("]", "}") for each in keys]
            connection.execute(statement("fill_terms"), {"ids": ids, "lengths": lengths, "terms": written})
            connection.execute(statement("add_languages"), {"languages": sorted(languages)})
            reach("terms-before-commit")
        filled += len(rows)
    connection.execute(statement("note_terms_filled"))
    if filled:
        progress.say(
            f"{filled:,} passages that were there have their terms now, for searches by words: nothing is paid"
        )
    return filled


def _without_terms(
    connection: Connection,
) -> Iterator[list[tuple[int, int, list[str], int, str, str]]]:
    after = 0
    while rows := connection.execute(
        statement("select_chunks_without_terms"), {"after": after, "limit": _AT_ONCE}
    ).fetchall():
        yield rows
        after = rows[-1][0]
