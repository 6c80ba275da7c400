"""A corpus: its schema, created on first use and brought up to date, and how it is indexed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from psycopg import errors, sql

from ingest.catalog import EmbeddingModel, embedding_model
from ingest.database.locks import schema_lock
from ingest.database.statements import schema_versions, statement
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.database.connection import Connection

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

    @property
    def embedding_model(self) -> EmbeddingModel:
        """The model; of one that is not in the catalogue, what the corpus knows of it."""
        return embedding_model(self.model, self.dimensions, self.chunk_tokens)

    @property
    def sent_dimensions(self) -> int | None:
        """The length of the vectors as it is asked for; None where it is the model's own, as some refuse it."""
        return None if self.dimensions == self.embedding_model.dimensions else self.dimensions


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
    """How the corpus is indexed; None where there is no such corpus yet."""
    if connection.execute("SELECT to_regclass('corpus')").fetchone() == (None,):
        return None
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
        raise UsageError(f"there is no corpus {corpus} in this database: fill it with `ingest run PATH`.")
    return indexing


def create_corpus(connection: Connection, corpus: str, indexing: Indexing) -> None:
    """Create the corpus's schema, or bring it up to date; safe to run at the same time from several processes.

    The column stays what it is once the corpus has held anything; chunking follows `indexing`.

    Raises:
        UsageError: the schema is not ours, pgvector is missing or too old, or the corpus's model, dimensions or
            vector type are others.
    """
    with connection.transaction():
        schema_lock(connection)
        _require_pgvector(connection)
        _apply_schema(connection, corpus)
        stored = find_indexing(connection)
        if stored == indexing:
            return
        if stored and not _is_unbound(connection):
            _require_same_column(corpus, stored, indexing)
            connection.execute(statement("update_corpus"), _columns(indexing))
            return
        connection.execute("ALTER TABLE chunks DROP COLUMN IF EXISTS embedding")
        connection.execute(
            statement("add_embedding_column").format(
                type=sql.SQL("halfvec") if indexing.vector_type == "halfvec" else sql.SQL("vector"),
                dimensions=sql.Literal(indexing.dimensions),
            )
        )
        connection.execute("DELETE FROM corpus")
        connection.execute(statement("insert_corpus"), _columns(indexing))


def _is_unbound(connection: Connection) -> bool:
    return connection.execute(statement("is_unbound")).fetchone() == (True,)


def upgrade_corpus(connection: Connection, corpus: str) -> None:
    """Bring the schema of a corpus that is there up to date.

    Raises:
        UsageError: a newer version of this program has done so.
    """
    if _missing_steps(connection, corpus):
        with connection.transaction():
            schema_lock(connection)
            _apply_schema(connection, corpus)


def _missing_steps(connection: Connection, corpus: str) -> list[tuple[int, str, sql.SQL]]:
    applied = {version for (version,) in connection.execute("SELECT version FROM migrations")}
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
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    version = str(row[0]) if row else "0"
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_PGVECTOR:
        raise UsageError(
            f"the database has pgvector {version}; 0.7 or newer is needed: upgrade it on the server, then run "
            "ALTER EXTENSION vector UPDATE."
        )


def _apply_schema(connection: Connection, corpus: str) -> None:
    row = connection.execute("SELECT to_regnamespace(quote_ident(%s))", (corpus,)).fetchone()
    if row == (None,):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(corpus)))
    elif connection.execute(statement("find_foreign_schema"), {"schema": corpus}).fetchone() == (True,):
        raise UsageError(
            f"the schema {corpus} exists and holds other tables: name another --corpus, so that nothing of yours "
            "is touched."
        )
    connection.execute(statement("create_migrations"))
    for version, name, step in _missing_steps(connection, corpus):
        connection.execute(step)
        connection.execute("INSERT INTO migrations (version, name) VALUES (%s, %s)", (version, name))


def _require_same_column(corpus: str, stored: Indexing, wanted: Indexing) -> None:
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
