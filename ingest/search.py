"""The nearest passages to a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from ingest.database.statements import statement
from ingest.database.vectors import vector_literal

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Provider

_OPERATORS: dict[str, LiteralString] = {"cosine": "<=>", "l2": "<->", "inner_product": "<#>"}
_EF_SEARCH = 100  # pgvector's default of 40 finds no more than 40


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found by search. `score`: cosine similarity, at most 1; inner product; or the distance, negative."""

    score: float
    uri: str
    title: str
    headings: tuple[str, ...]
    ordinal: int
    content: str


def search(
    connection: Connection, provider: Provider, indexing: Indexing, text: str, limit: int, distance: str = "cosine"
) -> list[Passage]:
    """The `limit` passages nearest to the text, embedded with the corpus's own model."""
    vector = provider.embed([text], indexing.model, indexing.sent_dimensions)[0]
    with connection.transaction():
        connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", (str(max(_EF_SEARCH, limit)),))
        rows = connection.execute(
            statement("search_chunks").format(operator=sql.SQL(_OPERATORS[distance])),
            {"embedding": vector_literal(vector), "limit": limit},
        ).fetchall()
    return [
        Passage((1 if distance == "cosine" else 0) - away, uri, title, tuple(headings), ordinal, content)
        for away, uri, title, headings, ordinal, content in rows
    ]
