"""A corpus: its schema, created on first use and brought up to date, and how it is indexed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from psycopg import errors, sql

from ingest.database.locks import schema_lock, with_short_locks
from ingest.database.ownership import NEXT, OLD, foreign_objects, has_books, read_books, schema_exists
from ingest.database.passages_view import drop_view, make_view
from ingest.database.session import on_path
from ingest.database.statements import in_vector, schema_versions, statement
from ingest.errors import UsageError
from ingest.formatting import some
from ingest.provider import EmbeddingModel, Parameters, embedding_model
from ingest.provider.request_ids import make_custom_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.database.connection import Connection
    from ingest.database.ownership import Books
    from ingest.provider import Side, Wire

_OLDEST_PGVECTOR = (0, 7)  # the first with halfvec


@dataclass(frozen=True, slots=True)
class Indexing:
    """How a corpus is indexed: the row of its table `corpus`."""

    model: str
    dimensions: int
    vector_type: str
    chunk_tokens: int
    overlap: int
    embed_headings: bool
    has_sides: bool = False
    """Whether its documents were embedded as such, so that questions are embedded as questions."""

    @property
    def embedding_model(self) -> EmbeddingModel:
        """The model; of one that is not in the catalogue, what the corpus knows of it."""
        return embedding_model(self.model, self.dimensions, self.chunk_tokens)

    @property
    def sent_dimensions(self) -> int | None:
        """The length of the vectors as it is asked for; None where it is the model's own, as some refuse it."""
        return None if self.dimensions == self.embedding_model.dimensions else self.dimensions

    def custom_id(self, chunk_id: int, text_hash: bytes) -> str:
        """The id of a request for a chunk's text, which binds its answer to all that it was asked by."""
        return make_custom_id(chunk_id, text_hash, self.model, self.dimensions, has_sides=self.has_sides)

    def parameters(
        self, wire: Wire, side: Side, deployment: str | None, encoding_format: Literal["base64", "float"]
    ) -> Parameters:
        """What is asked of the model for texts of a side; `deployment`: the provider's word for it, None: ours.

        Raises:
            UsageError: the texts of the corpus were embedded as documents, which cannot be asked of this provider.
        """
        if self.has_sides and not wire.has_sides:
            raise UsageError(
                f"the corpus's texts were embedded by {self.model} as documents, apart from questions, and this "
                "provider has no word for either: take the --provider that embedded them. Nothing was sent."
            )
        return Parameters(
            deployment or self.model, self.sent_dimensions, side if self.has_sides else None, encoding_format
        )


class CorpusSize(NamedTuple):
    """How much a corpus holds. `tokens`: of all that is searchable or will be."""

    documents: int
    chunks: int
    embedded: int
    tokens: int


def corpus_size(connection: Connection) -> CorpusSize:
    """Count what a corpus holds: a pass over all chunks, 0.2 s for a million."""
    (row,) = connection.execute(statement("count_corpus")).fetchall()
    return CorpusSize(*row)


def find_indexing(connection: Connection) -> Indexing | None:
    """How the corpus is indexed, its schema brought up to date; None where there is no such corpus yet.

    Raises:
        UsageError: a newer version of this program has used it, or a table of it is lost.
    """
    if connection.corpus is None:
        return None
    books = read_books(connection, connection.corpus)
    if books is None and not has_books(connection, connection.corpus):
        return None
    # Before anything is read: an older corpus lacks what is asked for.
    if books := _upgraded(connection, connection.corpus, books):
        _require_whole(connection.corpus, books)
    row = connection.execute(statement("read_corpus")).fetchone()
    return Indexing(*row) if row else None


def find_bound_indexing(connection: Connection) -> Indexing | None:
    """How the corpus is indexed; None also where it has held nothing yet, and so may still be of any model."""
    indexing = find_indexing(connection)
    return indexing if indexing and not _is_unbound(connection) else None


def read_indexing(connection: Connection, corpus: str) -> Indexing:
    """How the corpus is indexed.

    Raises:
        UsageError: there is no such corpus.
    """
    indexing = find_indexing(connection)
    if indexing is None:
        others = [name for (name,) in connection.execute(statement("list_corpora"))]
        raise UsageError(
            f"there is no corpus {corpus} in this database: fill it with `ingest run PATH`"
            + (f", or name one that is there by --corpus ({some(others)})." if others else ".")
        )
    return indexing


def create_corpus(connection: Connection, corpus: str, indexing: Indexing) -> None:
    """Create the corpus's schema, or bring it up to date; safe to run at the same time from several processes.

    The column stays what it is once the corpus has held anything; chunking follows `indexing`.

    Raises:
        UsageError: the schema is not ours, or something of it is lost, pgvector is missing or too old, or the corpus's
            model, dimensions or vector type are others.
        UnreachableError: it is read all the time, by transactions that stay open.
    """

    def work() -> None:
        make_view(connection, corpus, _create(connection, corpus, indexing))

    with_short_locks(connection, corpus, work)


def _create(connection: Connection, corpus: str, indexing: Indexing) -> Sequence[sql.SQL]:
    """What was on the view of the passages, where that had to go."""
    schema_lock(connection)
    _require_pgvector(connection)
    _apply_schema(connection, corpus)
    stored = find_indexing(connection)
    if stored == indexing:
        return ()
    if stored and not _is_unbound(connection):
        require_same_column(corpus, stored, indexing)
        connection.execute(statement("update_corpus"), _columns(indexing))
        return ()
    if stored is None and not _is_unbound(connection):
        raise UsageError(
            f"the corpus {corpus} holds documents, and its table {corpus}.corpus no longer says of which model: "
            "put its row back from a backup. Nothing was changed, and nothing sent."
        )
    on_view = drop_view(connection, corpus)
    connection.execute(statement("drop_embedding_column"))
    connection.execute(
        statement("add_embedding_column").format(
            type=in_vector(indexing.vector_type),
            dimensions=sql.Literal(indexing.dimensions),
        )
    )
    connection.execute(statement("insert_corpus"), _columns(indexing))
    return on_view


def _is_unbound(connection: Connection) -> bool:
    return connection.execute(statement("is_unbound")).fetchone() == (True,)


def upgrade_corpus(connection: Connection, corpus: str) -> Books | None:
    """Bring the schema of a corpus that is there up to date; its books then.

    Raises:
        UsageError: a newer version of this program has done so.
        UnreachableError: it is read all the time, by transactions that stay open.
    """
    return _upgraded(connection, corpus, read_books(connection, corpus))


def _upgraded(connection: Connection, corpus: str, books: Books | None) -> Books | None:
    def work() -> None:
        schema_lock(connection)
        _apply_schema(connection, corpus)
        make_view(connection, corpus)

    if not _missing_steps(corpus, books):
        return books
    with_short_locks(connection, corpus, work)
    return read_books(connection, corpus)


def _missing_steps(corpus: str, books: Books | None) -> list[tuple[int, str, sql.SQL]]:
    applied = books.steps if books else frozenset[int]()
    known = schema_versions()
    if applied and max(applied) > known[-1][0]:
        raise UsageError(f"the corpus {corpus} was used by a newer pgvector-ingest: install that one here, too.")
    return [step for step in known if step[0] not in applied]


def _columns(indexing: Indexing) -> dict[str, object]:
    return {name: getattr(indexing, name) for name in Indexing.__slots__}


def _require_pgvector(connection: Connection) -> None:
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
        raise UsageError(
            "the database server has no pgvector: install it there (package postgresql-NN-pgvector, or the image "
            "pgvector/pgvector), then run the same command again."
        ) from error
    row = connection.execute(statement("read_pgvector")).fetchone()
    version, connection.vector_schema = row or ("0", None)
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_PGVECTOR:
        raise UsageError(
            f"the database has pgvector {version}; 0.7 or newer is needed: upgrade it on the server, then run "
            "ALTER EXTENSION vector UPDATE."
        )


def _apply_schema(connection: Connection, corpus: str) -> None:
    books = read_books(connection, corpus)
    if not schema_exists(connection, corpus):
        _require_no_versions(connection, corpus)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(corpus)))
    elif books is None and (foreign := foreign_objects(connection, corpus, None)):
        raise UsageError(
            f"the schema {corpus} exists and holds other things ({some(foreign)}): name another --corpus, so that "
            "nothing of yours is touched."
        )
    elif books:
        _require_whole(corpus, books)
    schema = sql.Identifier(corpus)
    if books is None:
        connection.execute(statement("create_migrations").format(corpus=schema))
    insert_migration = statement("insert_migration").format(corpus=schema)
    with on_path(connection, corpus, "pg_temp"):  # what a step makes has no schema
        for version, name, step in _missing_steps(corpus, books):
            connection.execute(step)
            connection.execute(insert_migration, {"version": version, "name": name})


def _require_whole(corpus: str, books: Books) -> None:
    if books.lost:
        raise UsageError(
            f"the corpus {corpus} lacks what is its own ({some(books.lost)}): if it was renamed, rename it back; else "
            f"put it back from a backup (pg_restore --schema={corpus} --table={books.lost[0]}); what helps without one "
            "is told in docs/reliability.md, A table that is gone. Nothing was changed, and nothing sent."
        )


def _require_no_versions(connection: Connection, corpus: str) -> None:
    """See that a corpus that is to be made is not one whose schema was renamed, or dropped without its versions."""
    beside = {name: read_books(connection, name) for name in (corpus + NEXT, corpus + OLD)}
    left = [name for name, books in beside.items() if books and books.family]
    if left:
        raise UsageError(
            f"there is no corpus {corpus}, but there is {left[0]}, a version of it: was its schema renamed? `ingest "
            f"doctor` on the corpus says so: name that as --corpus, and nothing is paid again. If it is gone, put "
            f"{left[0]} in its place (ALTER SCHEMA {left[0]} RENAME TO {corpus}), or drop that, which is then yours."
        )


def require_same_column(corpus: str, stored: Indexing, wanted: Indexing) -> None:
    """See that what is asked for is what the corpus holds.

    Raises:
        UsageError: the model, dimensions or vector type are others.
    """
    if (stored.model, stored.dimensions, stored.vector_type) == (
        wanted.model,
        wanted.dimensions,
        wanted.vector_type,
    ):
        return
    raise UsageError(
        f"the corpus {corpus} holds {stored.vector_type}({stored.dimensions}) of {stored.model}; asked for was "
        f"{wanted.vector_type}({wanted.dimensions}) of {wanted.model}: leave the setting out, name another "
        "--corpus, or change this one by `ingest reembed`."
    )
