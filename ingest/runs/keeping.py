"""What a database keeps: its corpora, listed; documents taken out of one; one dropped."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import errors, sql

from ingest.batches import moving_batches, open_batches, remove_orphans
from ingest.corpus import drop_corpus, droppable_version, find_target
from ingest.database.corpus import corpus_size
from ingest.database.locks import corpus_lock, exclusive_books
from ingest.database.ownership import read_books
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.formatting import counted, some
from ingest.runs.opening import stored_indexing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ingest.database.connection import Connection
    from ingest.runs.resources import Resources


@dataclass(frozen=True, slots=True)
class KeptSource:
    """A source: its name, or the URI of what was given. `changed_at`: when one of its documents did last."""

    source: str
    documents: int
    chunks: int
    tokens: int
    changed_at: datetime


@dataclass(slots=True)
class KeptCorpus:
    """A corpus in the database. `size_bytes`: of its tables and indexes."""

    corpus: str
    model: str | None = None
    dimensions: int | None = None
    vector_type: str | None = None
    created_at: datetime | None = None
    size_bytes: int = 0
    sources: list[KeptSource] = field(default_factory=list)
    problem: str | None = None
    """Why it cannot be told more of."""


def list_corpora(resources: Resources, *, one: str | None = None) -> list[KeptCorpus]:
    """`Pipeline.corpora`."""
    with resources.explained():
        connection = resources.connection
        names = [name for (name,) in connection.execute(statement("list_corpora")).fetchall()]
        return [_described(connection, name) for name in names if one in (None, name)]


def _described(connection: Connection, corpus: str) -> KeptCorpus:
    schema = {"corpus": sql.Identifier(corpus)}
    try:
        with connection.transaction():
            books = read_books(connection, corpus)
            parameters = {"schema": corpus, "tables": list(books.tables if books else ())}
            row = connection.execute(statement("describe_corpus").format(**schema), parameters).fetchone()
            sources = connection.execute(statement("list_sources").format(**schema)).fetchall()
    except errors.InsufficientPrivilege as error:
        return KeptCorpus(corpus, problem=error.diag.message_primary)
    except errors.UndefinedTable:
        return KeptCorpus(corpus, problem="it lacks tables of its own: `ingest doctor` says which")
    kept = KeptCorpus(corpus, *row) if row else KeptCorpus(corpus)
    kept.sources = [KeptSource(*source) for source in sources]
    return kept


def remove(resources: Resources, what: str, confirm: Callable[[int, int], bool] | None = None) -> int:
    """`Pipeline.remove`."""
    with resources.explained():
        stored_indexing(resources)
        if target := find_target(resources.connection):
            raise UsageError(f"this corpus fills {target.label}: delete rows there, and the next run lets them go.")
        connection, corpus = resources.connection, resources.corpus
        named = _names(what)
        ((documents, tokens),) = connection.execute(statement("count_named_documents"), named).fetchall()
        if not documents:
            sources = [row[0] for row in connection.execute(statement("list_sources")).fetchall()]
            has = f"its sources are {some(sources)}" if sources else "it holds no documents"
            raise UsageError(
                f"the corpus {corpus} has no source {what}, and no document of that URI: {has}; what is below a folder "
                "is meant by a slash at the end. Nothing was removed."
            )
        if confirm and not confirm(documents, tokens):
            return 0
        with corpus_lock(connection, corpus, "sync"), connection.transaction():
            exclusive_books(connection, corpus)
            removed = connection.execute(statement("delete_named_documents"), named).rowcount
            connection.execute(statement("delete_orphan_requests"))
        return removed


def _names(what: str) -> dict[str, list[str]]:
    """The sources and URIs that may be meant: by their name, or by a path."""
    meant = [what]
    if "://" not in what:
        meant.append(Path(os.path.abspath(what)).as_uri() + "/" * what.endswith("/"))  # noqa: PTH100 - follows no links
    bare = [each.rstrip("/") for each in meant]
    below = [each for each in meant if each.endswith("/")]
    return {"sources": [*meant, *bare], "uris": meant, "prefixes": [*below, *(f"{each}#" for each in bare)]}


def drop(resources: Resources, confirm: Callable[[str], bool] | None = None) -> bool:
    """`Pipeline.drop`."""
    from ingest.runs.sending import shard_folder
    from ingest.runs.steps import cancel, clean  # what a list of corpora does without

    with resources.explained():
        indexing = stored_indexing(resources)
        connection, corpus = resources.connection, resources.corpus
        droppable_version(connection, corpus)
        if confirm and not confirm(_question(resources)):
            return False
        target = find_target(connection)
        if moving_batches(connection):
            cancel(resources)
        if left := [batch.provider_batch_id for batch in open_batches(connection) if batch.provider_batch_id]:
            raise UsageError(
                f"{some(left)}: not cancelled at the provider yet. Run the same command again in some minutes; nothing "
                "was dropped."
            )
        files = dict(connection.execute(statement("count_uncleaned")).fetchall())
        if resources.endpoint in files:
            clean(resources)
        if elsewhere := [endpoint for endpoint in files if endpoint != resources.endpoint]:
            resources.progress.say(f"files at {some(elsewhere)} stay there: the settings name {resources.endpoint}")
        folder = shard_folder(resources)
        remove_orphans(connection, corpus, folder)
        drop_corpus(connection, corpus, resources.progress.say)
        with suppress(OSError):  # something of the user's own is in it, or it never was
            folder.rmdir()
        if target:
            resources.progress.say(f"the vectors in {target.label} stay: that is your table ({indexing.model})")
        return True


def _question(resources: Resources) -> str:
    """What is asked before a corpus is dropped."""
    size = corpus_size(resources.connection)
    batches = len(moving_batches(resources.connection))
    cancelled = f"cancel {counted(batches, 'batch', 'batches')} in flight, and " if batches else ""
    return (
        f"This is to {cancelled}drop the corpus {resources.corpus}: {counted(size.documents, 'document')}, "
        f"{counted(size.embedded, 'vector')} that were paid for, what it cost, and its files at the provider. Drop it?"
    )
