"""The passages nearest to a text; by its words too, where that is asked for. And the SQL that finds them, to copy."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql

from ingest.database.full_text import configuration_literal, no_such_configuration
from ingest.database.quantization import distance_operator, quantized
from ingest.database.searched_index import SearchedIndex, find_searched_index
from ingest.database.statements import in_corpus, in_vector, statement
from ingest.database.vectors import one_vector, register_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import numpy as np

    from ingest.corpus.filters import Filter
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Provider

_EF_SEARCH = 100  # of a connection that waits for searches: the setting's default
_MAX_EF_SEARCH = 1000  # pgvector's limit


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found by search.

    `score`: cosine similarity, at most 1; inner product; or the distance, negative. By words too: the sum of what its
    places in both lists are worth, at most 2/61. `table_header`: that of the table that the passage goes on with, which
    was embedded above it. `first_page`, `last_page`: the pages or slides that it stands on, counted from 1; None where
    the document has none. `id`: `chunks.id`; `metadata`: the document's.
    """

    score: float
    uri: str
    title: str
    headings: tuple[str, ...]
    ordinal: int
    content: str
    table_header: str = ""
    first_page: int | None = None
    last_page: int | None = None
    id: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """All that is known of it but its text, as one object of JSON: the document's metadata among it."""
        own: dict[str, Any] = {
            "uri": self.uri,
            "title": self.title,
            "headings": list(self.headings),
            "ordinal": self.ordinal,
            "chunk_id": self.id,
            "score": self.score,
        }
        pages = {"first_page": self.first_page, "last_page": self.last_page} if self.first_page is not None else {}
        return self.metadata | own | pages


@dataclass(frozen=True, slots=True)
class Search:
    """How passages are looked for. `full_text`: by words too, as this configuration reads them; None: not.

    `filters`: what they must have; `index`: by which index, where there is one; `dimensions`: of the vectors;
    `hnsw_ef_search`, `ivfflat_probes`: the settings of these names.
    """

    limit: int
    distance: str = "cosine"
    full_text: str | None = None
    filters: tuple[Filter, ...] = ()
    index: SearchedIndex = field(default_factory=SearchedIndex)
    dimensions: int = 0
    hnsw_ef_search: int = 100
    ivfflat_probes: int | None = None

    @property
    def candidates(self) -> int:
        """How many passages are looked for in each of the two lists, or in the one."""
        return max(40, 4 * self.limit) if self.full_text else self.limit

    @property
    def ef_search(self) -> int:
        """How many neighbours an HNSW index looks at: no fewer than are wanted of it."""
        return min(max(self.hnsw_ef_search, self.index.candidates(self.candidates)), _MAX_EF_SEARCH)

    @property
    def probes(self) -> int | None:
        """How many lists an ivfflat index looks at; None for another index."""
        return self.index.probes(self.ivfflat_probes)

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its filters, by their names in the query."""
        return {each.placeholder: each.value for each in self.filters}

    def query(
        self,
        chunks: sql.Composable,
        documents: sql.Composable,
        embedding: sql.Composable,
        text: sql.Composable,
        values: Sequence[sql.Composable] | None = None,
    ) -> sql.Composed:
        """The query; `embedding`, `text` and `values`, those of the filters: the parameters as they stand in it."""
        values = [sql.Placeholder(each.placeholder) for each in self.filters] if values is None else values
        asked = list(zip(self.filters, values, strict=True))
        wanted = sql.SQL(" AND ").join(
            [
                sql.SQL("c.embedding IS NOT NULL"),
                *(each.condition(sql.Identifier("c", each.name), value) for each, value in asked),
            ]
        )
        return statement("search_chunks_hybrid" if self.full_text else "search_chunks").format(
            nearest=self._nearest(chunks, embedding, wanted),
            chunks=chunks,
            documents=documents,
            text=text,
            configuration=configuration_literal(self.full_text or "simple"),
            candidates=sql.Literal(self.candidates),
            wanted=wanted,
            limit=sql.Literal(self.limit),
        )

    def _nearest(self, chunks: sql.Composable, embedding: sql.Composable, wanted: sql.Composable) -> sql.Composed:
        """The query for the ids of the nearest chunks and their distances, by the index that there is."""
        quantization = self.index.quantization
        column = sql.Identifier("c", "embedding")
        return statement("nearest_chunks" if quantization == "none" else "nearest_chunks_quantized").format(
            operator=sql.SQL(distance_operator("none", self.distance)),
            index_operator=sql.SQL(distance_operator(quantization, self.distance)),
            indexed=quantized(column, self.dimensions, quantization),
            compared=quantized(embedding, self.dimensions, quantization),
            chunks=chunks,
            embedding=embedding,
            wanted=wanted,
            candidates=sql.Literal(self.index.candidates(self.candidates)),
            limit=sql.Literal(self.candidates),
        )


def find_passages(
    connection: Connection, provider: Provider, indexing: Indexing, text: str, how: Search
) -> list[Passage]:
    """The passages nearest to the text, embedded with the corpus's own model.

    Raises:
        UsageError: the server has no such text search configuration.
    """
    vector = provider.embed([text], indexing.model, indexing.sent_dimensions)[0]
    how = by_its_index(connection, indexing, how)
    try:
        with connection.transaction():
            register_vectors(connection)
            # A policy says what may be found; of what is written, rows that it hides are an error.
            connection.execute("SELECT set_config('row_security', 'on', true)")
            _look_at(connection, how)
            rows = _rows(connection, _in_corpus(how), vector, indexing, text, how)
    except errors.UndefinedObject as error:
        raise no_such_configuration(how.full_text) from error
    return _passages(rows, how)


def by_its_index(connection: Connection, indexing: Indexing, how: Search) -> Search:
    """The search by the index that the corpus has."""
    index = find_searched_index(connection, indexing, how.distance) or SearchedIndex()
    return replace(how, index=index, dimensions=indexing.dimensions)


def prepare_searches(connection: Connection) -> None:
    """Make this connection one for `find_in_version`, as long as it lives."""
    register_vectors(connection)
    connection.execute(
        "SELECT set_config('hnsw.ef_search', %s, false), set_config('row_security', 'on', false)", (str(_EF_SEARCH),)
    )


def find_in_version(
    connection: Connection, vector: np.ndarray, indexing: Indexing, text: str, how: Search
) -> tuple[UUID, int, list[Passage]]:
    """The version of the corpus, what stands for the indexes that it has, and its passages nearest to a vector.

    In one round trip. Where that is another version than the one whose model made the vector, they are none. Raises
    `psycopg.Error`.
    """
    chunks = sql.Literal(in_corpus("chunks").as_string(connection))
    query = statement("search_version").format(query=_in_corpus(how), corpus=in_corpus("corpus"), chunks=chunks)
    looks_as_prepared = how.ef_search == _EF_SEARCH and how.probes is None
    with nullcontext() if looks_as_prepared and not how.filters else connection.transaction():
        if not looks_as_prepared:
            _look_at(connection, how)
        rows = _rows(connection, query, vector, indexing, text, how)
    return rows[0][0], rows[0][1], _passages([row[2:] for row in rows if row[2] is not None], how)


def _look_at(connection: Connection, how: Search) -> None:
    """Let an index look at as many neighbours, or lists, as a search needs; until the transaction ends."""
    connection.execute(
        "SELECT set_config('hnsw.ef_search', %s, true), set_config('ivfflat.probes', %s, true)",
        (str(how.ef_search), str(how.probes or 1)),
    )


def _in_corpus(how: Search) -> sql.Composed:
    """The query on the connection's corpus."""
    return how.query(in_corpus("chunks"), in_corpus("documents"), sql.Placeholder("embedding"), sql.Placeholder("text"))


def _rows(
    connection: Connection, query: sql.Composed, vector: np.ndarray, indexing: Indexing, text: str, how: Search
) -> list[tuple[Any, ...]]:
    """What a query finds. With filters, in a transaction: for that the index goes on until there are enough."""
    if how.filters:
        connection.execute(statement("search_on"))
    values = {"embedding": one_vector(vector, indexing.vector_type), "text": text, **how.parameters}
    return connection.execute(query, values).fetchall()


def _passages(rows: Sequence[tuple[Any, ...]], how: Search) -> list[Passage]:
    if how.full_text:
        return [Passage(score, uri, title, tuple(headings), *rest) for score, uri, title, headings, *rest in rows]
    nearest = 1 if how.distance == "cosine" else 0
    return [Passage(nearest - away, uri, title, tuple(headings), *rest) for away, uri, title, headings, *rest in rows]


def search_sql(
    connection: Connection, provider: Provider, indexing: Indexing, corpus: str, text: str, how: Search
) -> str:
    """The same search as statements for psql or any program: a query of parameters, and its call for this text."""
    vector = provider.embed([text], indexing.model, indexing.sent_dimensions)[0]
    how = by_its_index(connection, indexing, how)
    first = 3 if how.full_text else 2
    query = how.query(
        sql.Identifier(corpus, "chunks"),
        sql.Identifier(corpus, "documents"),
        sql.SQL("$1"),
        sql.SQL("$2"),
        [sql.SQL(f"${number}") for number, _ in enumerate(how.filters, first)],  # a number
    )
    vector_type = in_vector(indexing.vector_type).as_string(connection)
    types, values = [vector_type, "pg_catalog.text"], [one_vector(vector, indexing.vector_type).to_text(), text]
    types, values = types[: first - 1], values[: first - 1]
    types += ["pg_catalog.text" for _ in how.filters]
    values += [each.value for each in how.filters]
    quoted = ", ".join(sql.Literal(value).as_string(connection) for value in values)
    on = f"{statement('search_on').as_string(connection).strip()};\n" if how.filters else ""
    probes = f"SET LOCAL ivfflat.probes = {how.probes};\n" if how.probes else ""
    return (  # in a transaction, for whose time names that have no schema are PostgreSQL's own, whatever the path
        f"BEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\nSET LOCAL hnsw.ef_search = {how.ef_search};\n"
        f"{probes}{on}\n"
        f"PREPARE passages ({', '.join(types)}) AS\n{query.as_string(connection).strip()};\n\n"
        f"EXECUTE passages ({quoted});\n\nDEALLOCATE passages;\nCOMMIT;\n"
    )
