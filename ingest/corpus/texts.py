"""The texts of the documents that are kept, put together from their passages; and which documents are meant."""

from __future__ import annotations

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
    with connection.transaction(), connection.cursor(name="passages_of_documents") as cursor:
        ids = None if document_ids is None else list(document_ids)
        cursor.execute(statement("select_passages_of_documents"), {"document_ids": ids})
        for _, rows in groupby(_rows(cursor), key=itemgetter(0)):
            yield _text(list(rows), overlap)


def find_asked_documents(connection: Connection, uris: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """The ids and URIs of the documents that may be meant: by a URI, the end of one, or a path as people write it."""
    asked = list(dict.fromkeys(uris))
    written = {uri: uri for uri in asked} | {quote(uri): uri for uri in asked if "://" not in uri}
    found: dict[str, list[tuple[int, str]]] = {uri: [] for uri in asked}
    for given, number, uri in connection.execute(statement("find_asked_documents"), {"uris": list(written)}):
        if (number, uri) not in found[written[given]]:
            found[written[given]].append((number, uri))
    return {uri: _meant(uri, documents) for uri, documents in found.items()}


def sample_passages(connection: Connection, most: int) -> Iterator[Sampled]:
    """So many passages at most, the same ones each time."""
    rows = connection.execute(statement("sample_passages"), {"limit": most})
    return (Sampled(*row) for row in rows)


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
