"""The passages that fit a question: by its vector, by its words, or by both. And the SQL that finds them."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import msgspec
from psycopg import sql
from psycopg.types.json import set_json_loads

from ingest.database.quantization import distance_operator, quantized
from ingest.database.searched_index import USUAL_EFFORT, SearchedIndex, find_searched_index
from ingest.database.statements import in_corpus, in_vector, statement
from ingest.database.vector_column import SEARCHED_EXACTLY
from ingest.database.vectors import one_vector, register_vectors
from ingest.keywords import FREQUENCIES, asked_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    import numpy as np

    from ingest.corpus.filters import Filter
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

SearchMode: TypeAlias = Literal["hybrid", "vector", "words"]

_STATEMENTS = {"hybrid": "search_chunks_hybrid", "vector": "search_chunks", "words": "search_chunks_words"}
_MAX_EF_SEARCH = 1000  # pgvector's limit
# `python -m benchmarks keywords` and `retrieval` measure what these cost and bring.
_K1, _B = 1.2, 0.4
_POSTINGS = 14_000  # that are read for a question, or a seventh as many as there are passages
_COMPLETED = 400  # passages at most that are held against what was not read, too
_SAMPLED_BYTES = 512 * 1024  # of chunk_terms, for the number of passages and their mean length
_MOST_TERMS = 128  # of a question
_KEPT = 256  # queries of a connection, as they are sent
_FEW_WORDED = 1_000  # of so many passages that pass a filter all words are looked at (benchmarks/filters.py)
_SCANNED_INSTEAD = 10  # passages that an exact scan looks at while an index looks at one (benchmarks/filters.py)
_VISITED = 20_000  # pgvector's default of hnsw.max_scan_tuples


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found by search.

    `score`: cosine similarity, at most 1; inner product; or the distance, negative. By words alone: BM25. By both: what
    each is of the most that it can be, weighed, 0 to 1; then `similarity` is the cosine, and `words` BM25.
    `table_header`: that of the table that the passage goes on with, which was embedded above it. `first_page`,
    `last_page`: the pages or slides that it stands on, counted from 1; None where the document has none. `first_line`,
    `last_line`: the lines of the file as an editor counts them; None where it is no text as it stands, or is not
    current.
    `id`: `chunks.id`; `metadata`: the document's. `is_current`: not that of a text which was replaced since, and is
    found until the new one has its vectors.

    As it comes back, neighbours that were found, and what was asked for around them, are one passage: `ids` are those
    of its chunks, which begin at `ordinal` in the document; the scores, and `id`, are those of the best of them.
    `also_in`: the other documents in which the same text was found.
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
    first_line: int | None = None
    last_line: int | None = None
    id: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    similarity: float | None = None
    words: float | None = None
    is_current: bool = True
    ids: tuple[int, ...] = ()
    also_in: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """All that is known of it but its text, as one object of JSON: the document's metadata among it."""
        own: dict[str, Any] = {
            "uri": self.uri,
            "title": self.title,
            "headings": list(self.headings),
            "ordinal": self.ordinal,
            "chunk_id": self.id,
            "chunk_ids": list(self.ids),
            "score": self.score,
        }
        places = {name: getattr(self, name) for name in ("first_page", "last_page", "first_line", "last_line")}
        return self.metadata | own | {name: place for name, place in places.items() if place is not None}


@dataclass(frozen=True, slots=True)
class Search:
    """How passages are looked for: by the vector, by words (of `languages`), or both, where words weigh so much.

    `filters`: what they must have; `index`: by which index, where there is one; `dimensions`: of the vectors;
    `hnsw_ef_search`, `ivfflat_probes`: the settings of these names.
    """

    limit: int
    distance: str = "cosine"
    mode: SearchMode = "vector"
    languages: tuple[str, ...] = ()
    words_weight: float = 0.5
    filters: tuple[Filter, ...] = ()
    index: SearchedIndex = field(default_factory=SearchedIndex)
    dimensions: int = 0
    hnsw_ef_search: int | None = None
    ivfflat_probes: int | None = None

    @property
    def candidates(self) -> int:
        """How many passages are looked for in each of the two lists, or in the one."""
        return max(100, 4 * self.limit) if self.mode == "hybrid" else self.limit

    @property
    def ef_search(self) -> int:
        """How many neighbours an HNSW index looks at: no fewer than are wanted of it."""
        asked = self.hnsw_ef_search or self.index.ef_search
        return min(max(asked, self.index.candidates(self.candidates)), _MAX_EF_SEARCH)

    @property
    def probes(self) -> int | None:
        """How many lists an ivfflat index looks at; None for another index."""
        return self.index.probes(self.ivfflat_probes)

    @property
    def taken(self) -> int:
        """How many that pass a filter are taken from the index: as many as it looks at without one."""
        return max(self.ef_search, self.index.candidates(self.candidates))

    @property
    def few(self) -> int:
        """So many that pass a filter are all looked at: as long as that takes no longer than to find them by the index.

        Where n of N pass, by lot, it comes to `taken` of them after taken × N/n neighbours. Where each value has an
        index of its own, that is the quicker one.
        """
        own = any(each.operator == "=" and each.name in self.index.by for each in self.filters)
        return max(SEARCHED_EXACTLY, self.taken) if own else self._crossing

    @property
    def visited(self) -> int:
        """How many neighbours the index looks at, at most, for those that pass: what looking at the few would take."""
        return self.taken * self.index.rows // self._crossing or _VISITED

    @property
    def _crossing(self) -> int:
        return max(SEARCHED_EXACTLY, self.taken, isqrt(_SCANNED_INSTEAD * self.taken * self.index.rows))

    def parameters(self, text: str) -> dict[str, object]:
        """The values in the query but for the vector: of its filters, and the terms of the text, with their numbers."""
        values: dict[str, object] = {each.placeholder: each.value for each in self.filters}
        if self.mode != "vector":
            asked = asked_terms(text, self.languages)[:_MOST_TERMS]
            values["keys"] = [key for keys in asked for key in keys]
            values["terms"] = [number for number, keys in enumerate(asked) for _ in keys]
        return values

    def query(self, schema: Mapping[str, sql.Composable], values: Mapping[str, sql.Composable]) -> sql.Composed:
        """The query; `schema`: the tables chunks, documents and chunk_terms; `values`: its parameters, as written.

        They are `embedding`, `keys`, `terms` and those of the filters, by their placeholders.
        """
        conditions = [each.condition(sql.Identifier("c", each.name), values[each.placeholder]) for each in self.filters]
        parts = {
            **schema,
            "wanted": sql.SQL(" AND ").join([sql.SQL("c.embedding IS NOT NULL"), *conditions]),
            "filtered": sql.SQL(" AND ").join(conditions),
            "candidates": sql.Literal(self.candidates),
            "limit": sql.Literal(self.limit),
            "weight": sql.Literal(self.words_weight),
            "embedding": values.get("embedding", sql.NULL),
        }
        if self.mode != "words":
            parts["nearest"] = self._nearest(parts)
        if self.mode != "vector":
            asked = {name: values[name] for name in ("keys", "terms")}
            completed = sql.Literal(max(_COMPLETED, self.candidates))
            parts["matching"] = statement("match_terms").format(
                **parts, **BM25, **asked, beside=self._beside(parts), completed=completed
            )
        return statement(_STATEMENTS[self.mode]).format(**parts)

    def _beside(self, parts: Mapping[str, sql.Composable]) -> sql.Composed:
        """The query for the ids of passages whose words count, though their rare ones may be none of the question's."""
        nearest = sql.SQL("SELECT id FROM nearest" if self.mode == "hybrid" else "SELECT NULL::int8 AS id WHERE false")
        if not self.filters:
            return sql.SQL("({})").format(nearest)
        few = statement("passing_chunks").format(**{**parts, "few": sql.Literal(_FEW_WORDED)})
        return sql.SQL("({} UNION {})").format(nearest, few)

    def _nearest(self, parts: Mapping[str, sql.Composable]) -> sql.Composed:
        """The query for the ids of the nearest chunks and their distances, by the index that there is."""
        quantization = self.index.quantization
        own = {
            "operator": sql.SQL(distance_operator("none", self.distance)),
            "index_operator": sql.SQL(distance_operator(quantization, self.distance)),
            "indexed": quantized(sql.Identifier("c", "embedding"), self.dimensions, quantization),
            "compared": quantized(parts["embedding"], self.dimensions, quantization),
            "candidates": sql.Literal(self.taken if self.filters else self.index.candidates(self.candidates)),
            "limit": sql.Literal(self.taken if self.filters else self.candidates),
        }
        name = "nearest_chunks" if quantization == "none" else "nearest_chunks_quantized"
        nearest = statement(name).format(**{**parts, **own})
        if not self.filters:
            return nearest
        numbers = {"few": self.few, "taken": self.taken, "limit": self.candidates}
        own |= {"nearest": nearest, **{name: sql.Literal(number) for name, number in numbers.items()}}
        return statement("nearest_chunks_filtered").format(**{**parts, **own})


BM25 = {
    "k1": sql.Literal(_K1),
    "b": sql.Literal(_B),
    "postings": sql.Literal(_POSTINGS),
    "sampled": sql.Literal(_SAMPLED_BYTES),
    "frequencies": sql.SQL("{}::float8[]").format(sql.Literal(list(FREQUENCIES))),
}
_TABLES = ("chunks", "documents", "chunk_terms")


def find_passages(
    connection: Connection, vector: np.ndarray | None, indexing: Indexing, text: str, how: Search
) -> list[Passage]:
    """The passages that fit the text and its vector, of the corpus's own model. `vector`: None by words alone."""
    with as_reader(connection):
        register_vectors(connection)
        _look_at(connection, how)
        rows = _rows(connection, _in_corpus(how), vector, indexing, text, how)
    return _passages(rows, how)


@contextmanager
def as_reader(connection: Connection) -> Iterator[None]:
    """A transaction that finds what policies let be found; of what is written, rows that they hide are an error."""
    with connection.transaction():
        connection.execute("SELECT set_config('row_security', 'on', true), set_config('jit', 'off', true)")
        yield


def by_its_index(connection: Connection, indexing: Indexing, how: Search) -> Search:
    """The search by the index that the corpus has; by words alone there is none to look for."""
    if how.mode == "words":
        return how
    index = find_searched_index(connection, indexing, how.distance) or SearchedIndex()
    return replace(how, index=index, dimensions=indexing.dimensions)


def prepare_searches(connection: Connection) -> None:
    """Make this connection one for `find_in_version`, as long as it lives."""
    register_vectors(connection)
    set_json_loads(msgspec.json.decode, connection)
    connection.execute(
        "SELECT set_config('hnsw.ef_search', %s, false), set_config('row_security', 'on', false), "
        "set_config('jit', 'off', false)",
        (str(USUAL_EFFORT),),
    )
    connection.ef_search = USUAL_EFFORT


class Found(NamedTuple):
    """What a search found, and where: in which version of the corpus, with which indexes, and terms of which languages.

    `languages`: None where not all passages have their terms.
    """

    version: UUID
    indexes: int
    languages: list[str] | None
    passages: list[Passage]


def find_in_version(
    connection: Connection, vector: np.ndarray | None, indexing: Indexing, text: str, how: Search
) -> Found:
    """The passages that fit a text and its vector, and the version of the corpus that they are of, in one round trip.

    Where that is another than the one whose model made the vector, they are none. Raises `psycopg.Error`.
    """
    query = _query_in_version(connection, how)
    if how.mode != "words" and how.ef_search != connection.ef_search:  # which the next search wants as well
        connection.execute("SELECT set_config('hnsw.ef_search', %s, false)", (str(how.ef_search),))
        connection.ef_search = how.ef_search
    looks_as_prepared = how.mode == "words" or how.probes is None
    with nullcontext() if looks_as_prepared and not how.filters else connection.transaction():
        if not looks_as_prepared:
            _look_at(connection, how)
        rows = _rows(connection, query, vector, indexing, text, how)
    version, indexes, languages, *_ = rows[0]
    return Found(version, indexes, languages, _passages([row[3:] for row in rows if row[3] is not None], how))


def _query_in_version(connection: Connection, how: Search) -> bytes:
    """The query for passages and the version that they are of; put together once (a third of our part of a search)."""
    asked = replace(how, filters=tuple(replace(each, value="") for each in how.filters)) if how.filters else how
    kept = connection.queries
    if asked not in kept:
        if len(kept) == _KEPT:
            kept.clear()
        chunks = sql.Literal(in_corpus("chunks").as_string(connection))
        whole = statement("search_version").format(query=_in_corpus(how), corpus=in_corpus("corpus"), chunks=chunks)
        kept[asked] = whole.as_bytes(connection)
    return kept[asked]


def _look_at(connection: Connection, how: Search) -> None:
    """Let an index look at as many neighbours, or lists, as a search needs; until the transaction ends."""
    connection.execute(
        "SELECT set_config('hnsw.ef_search', %s, true), set_config('ivfflat.probes', %s, true)",
        (str(how.ef_search), str(how.probes or 1)),
    )


def _in_corpus(how: Search) -> sql.Composed:
    """The query on the connection's corpus."""
    names = ("embedding", "keys", "terms", *(each.placeholder for each in how.filters))
    return how.query({name: in_corpus(name) for name in _TABLES}, {name: sql.Placeholder(name) for name in names})


def _rows(
    connection: Connection,
    query: sql.Composed | bytes,
    vector: np.ndarray | None,
    indexing: Indexing,
    text: str,
    how: Search,
) -> list[tuple[Any, ...]]:
    """What a query finds. With filters, in a transaction: for that the index goes on until there are enough."""
    if how.filters:
        connection.execute(_search_on(how))
    values = how.parameters(text)
    if vector is not None:
        values["embedding"] = one_vector(vector, indexing.vector_type)
    return connection.execute(query, values).fetchall()


def _search_on(how: Search) -> sql.Composed:
    return statement("search_on").format(visited=sql.Literal(str(how.visited)))


def _passages(rows: Sequence[tuple[Any, ...]], how: Search) -> list[Passage]:
    nearest = (1 if how.distance == "cosine" else 0) if how.mode == "vector" else None
    return [
        Passage(worth if nearest is None else nearest - worth, uri, title, tuple(headings), *rest)
        for worth, uri, title, headings, *rest in rows
    ]


def search_sql(
    connection: Connection, vector: np.ndarray | None, indexing: Indexing, corpus: str, text: str, how: Search
) -> str:
    """The same search as statements for psql or any program: a query of parameters, and its call for this text."""
    values: dict[str, object] = {}
    types: dict[str, str] = {}
    if vector is not None:
        values["embedding"] = one_vector(vector, indexing.vector_type).to_text()
        types["embedding"] = in_vector(indexing.vector_type).as_string(connection)
    values |= how.parameters(text)
    types |= dict.fromkeys(("keys", "terms"), "pg_catalog.int4[]")
    order = [
        name for name in ("embedding", "keys", "terms", *(each.placeholder for each in how.filters)) if name in values
    ]
    query = how.query(
        {name: sql.Identifier(corpus, name) for name in _TABLES},
        {name: sql.SQL(f"${number}") for number, name in enumerate(order, 1)},  # a number
    )
    declared = ", ".join(types.get(name, "pg_catalog.text") for name in order)
    quoted = ", ".join(sql.Literal(values[name]).as_string(connection) for name in order)
    on = f"{_search_on(how).as_string(connection).strip()};\n" if how.filters else ""
    probes = f"SET LOCAL ivfflat.probes = {how.probes};\n" if how.probes else ""
    return (  # in a transaction, for whose time names that have no schema are PostgreSQL's own, whatever the path
        f"BEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\nSET LOCAL hnsw.ef_search = {how.ef_search};\n"
        f"SET LOCAL jit = off;\n{probes}{on}\n"
        f"PREPARE passages ({declared}) AS\n{query.as_string(connection).strip()};\n\n"
        f"EXECUTE passages ({quoted});\n\nDEALLOCATE passages;\nCOMMIT;\n"
    )
