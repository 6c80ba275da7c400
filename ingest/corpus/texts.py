"""The texts of the documents that are kept, put together from their passages; and which documents are meant."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from psycopg import sql

from ingest.corpus.surroundings import repeated
from ingest.database.statements import statement
from ingest.evaluation import Sampled, Text, laid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ingest.corpus.filters import Filter
    from ingest.database.connection import Connection

_ROWS_AT_ONCE = 1000


def read_texts(connection: Connection, document_ids: Sequence[int] | None, overlap: int) -> Iterator[Text]:
    """The texts of documents, None: of all, one at a time. `overlap`: that of the corpus."""
    for _, rows in passages_of(connection, document_ids):
        yield _text(rows, overlap)


def passages_of(
    connection: Connection, document_ids: Sequence[int] | None
) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    """The passages of documents, None: of all, one document at a time, by its id: those that have any, in order.

    A row: document_id, uri, id, content, is_embedded, has_headings.
    """
    with connection.transaction(), connection.cursor(name="passages_of_documents") as cursor:
        ids = None if document_ids is None else list(document_ids)
        cursor.execute(statement("select_passages_of_documents"), {"document_ids": ids})
        for number, rows in groupby(_rows(cursor), key=itemgetter(0)):
            yield number, list(rows)


def find_asked_documents(connection: Connection, uris: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """The ids and URIs of the documents that may be meant: by a URI, the end of one, or a path as people write it."""
    written = {uri: {uri} if "://" in uri else {uri, quote(uri)} for uri in uris}
    meant: dict[str, list[tuple[int, str]]] = defaultdict(list)
    parameters = {"uris": list(set().union(*written.values()))}
    for given, number, uri in connection.execute(statement("find_asked_documents"), parameters):
        meant[given].append((number, uri))
    return {
        uri: _meant(uri, sorted({each for given in spellings for each in meant[given]}, key=itemgetter(1)))
        for uri, spellings in written.items()
    }


def sample_passages(connection: Connection, most: int) -> Iterator[Sampled]:
    """So many passages at most, the same ones each time."""
    with connection.transaction(), connection.cursor(name="sampled_passages") as cursor:
        cursor.execute(statement("sample_passages"), {"limit": most})
        for row in _rows(cursor):
            yield Sampled(*row)


def findable(connection: Connection, chunk_ids: Collection[int], filters: Sequence[Filter]) -> set[int]:
    """Those of these passages that a search with such filters can find."""
    conditions = [each.condition(sql.Identifier("c", each.name), sql.Placeholder(each.placeholder)) for each in filters]
    wanted = sql.SQL(" AND ").join([sql.SQL("c.embedding IS NOT NULL"), *conditions])
    values: dict[str, Any] = {each.placeholder: each.value for each in filters}
    rows = connection.execute(
        statement("list_findable_chunks").format(wanted=wanted), values | {"chunk_ids": list(chunk_ids)}
    )
    return {number for (number,) in rows}


def _meant(uri: str, documents: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where one has this very URI, that one."""
    return [each for each in documents if each[1] == uri] or documents


def _rows(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from rows


def _text(rows: Sequence[tuple[Any, ...]], overlap: int) -> Text:
    contents = [row[3] for row in rows]
    words, stretches = laid(contents, repeated(contents, overlap))
    return Text(rows[0][1], words, tuple(row[2] for row in rows), stretches, tuple(row[4] for row in rows))
