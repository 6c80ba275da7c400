"""What is right, what is wrong, and what to fix."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ingest.commands import about_corpus
from ingest.corpus import (
    check_integrity,
    find_target,
    plan_indexing,
    rehearse,
    stray_versions,
    versions_of,
    what_differs,
)
from ingest.database.connection import explained
from ingest.database.corpus import find_bound_indexing, find_indexing
from ingest.database.session import waiting_at_most
from ingest.database.statements import statement
from ingest.errors import IngestError, UnreachableError, UsageError
from ingest.provider import IN_CLEAR, goes_in_clear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.pipeline import Pipeline

_LOCK_WAIT_S = 1  # nor has anybody to wait behind us
_OLDEST_POSTGRESQL = 140_000
_MORE_CONNECTIONS = 4  # for a table's names, its rows, the progress of an index, metrics
_MAX_CHUNKS = 200_000  # that are looked at, in seconds


class BrokenCorpusError(IngestError):
    """A corpus is not whole; a run would go on all the same. Exit status 1."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `exit_status`: what a run would end with, were it begun now."""

    name: str
    ok: bool
    finding: str
    exit_status: int = 0


def examine(pipeline: Pipeline) -> list[Check]:
    """Look at everything a run needs; what depends on something broken is left out."""
    pipeline.release()  # the corpus as it is now, whichever version was held
    return list(_checks(pipeline))


def _checks(pipeline: Pipeline) -> Iterator[Check]:
    yield _check("data", _data, pipeline)
    database = _check("database", _database, pipeline)
    yield database
    if database.ok:
        with waiting_at_most(pipeline.connection, _LOCK_WAIT_S):
            yield from (_check(name, look, pipeline) for name, look in _IN_DATABASE.items())
    yield _check("provider", _provider, pipeline)


def _check(name: str, look: Callable[[Pipeline], str], pipeline: Pipeline) -> Check:
    try:
        named = pipeline.settings.database_url
        with explained(named.get_secret_value() if named else "", pipeline.corpus):
            return Check(name, ok=True, finding=about_corpus(look(pipeline), pipeline.corpus))
    except IngestError as error:
        finding = about_corpus(str(error), pipeline.corpus)
        return Check(name, ok=False, finding=finding, exit_status=error.exit_status)


def _data(pipeline: Pipeline) -> str:
    folder = pipeline.settings.data_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with TemporaryDirectory(dir=there):
            pass
    except OSError as error:
        raise UnreachableError(
            f"{there} is not a folder that we may write to ({error.strerror}): name another as INGEST_DATA_DIR."
        ) from error
    return f"{folder}"


def _database(pipeline: Pipeline) -> str:
    row = pipeline.connection.execute(statement("read_server")).fetchone()
    version, number, installed, available, schema = row or ("?", 0, None, None, None)
    server = f"PostgreSQL {version}{'' if pipeline.settings.database_url else ' (embedded)'}"
    if number < _OLDEST_POSTGRESQL:
        raise UsageError(f"{server} is too old: PostgreSQL {_OLDEST_POSTGRESQL // 10_000} or newer is needed.")
    if installed:
        return f"{server}, pgvector {installed} in the schema {schema}"
    if available:
        return f"{server}, pgvector {available}: not in this database yet; the first run puts it there"
    raise UsageError(f"{server} has no pgvector: install it on the server.")


def _connections(pipeline: Pipeline) -> str:
    row = pipeline.connection.execute(statement("count_free_connections")).fetchone()
    free = row[0] if row else 0
    if free < _MORE_CONNECTIONS:
        raise UnreachableError(
            f"{free} more are free, and a run takes up to {_MORE_CONNECTIONS}: end others, or raise max_connections or "
            "the CONNECTION LIMIT of the role or the database."
        )
    return f"{free:,} more are free"


def _rights(pipeline: Pipeline) -> str:
    """What a run needs a right for, done and undone."""
    connection = pipeline.connection
    stored = find_indexing(connection)
    indexing = stored or plan_indexing(pipeline.settings, None, is_local=pipeline.is_local)
    notes = rehearse(connection, pipeline.corpus, indexing)
    return "; ".join([f"the role may {'write' if stored else 'make'} the corpus {pipeline.corpus}", *notes])


def _corpus(pipeline: Pipeline) -> str:
    indexing = find_indexing(pipeline.connection)
    if indexing is None:
        return f"{pipeline.corpus}: not there yet; the first run makes it"
    finding = f"{pipeline.corpus}: {indexing.model}, {indexing.vector_type}({indexing.dimensions})"
    if find_bound_indexing(pipeline.connection):
        whole = find_target(pipeline.connection) is not None
        if differs := what_differs(pipeline.settings, indexing, whole=whole):
            return f"{finding}; {differs}"
    return finding


def _versions(pipeline: Pipeline) -> str:
    """Whether the corpus's other versions stand where they belong."""
    connection, corpus = pipeline.connection, pipeline.corpus
    if strays := stray_versions(connection, corpus):
        raise BrokenCorpusError(f"{'; '.join(strays)}.")
    beside = [name for name in versions_of(connection, corpus) if name != corpus]
    return f"beside {corpus}: {' and '.join(beside)}" if beside else f"none beside {corpus}"


def _integrity(pipeline: Pipeline) -> str:
    """Whether the corpus is whole by its own books."""
    connection = pipeline.connection
    if find_indexing(connection) is None:
        return "nothing to look at yet"
    found = check_integrity(connection, _MAX_CHUNKS)
    looked_at = f"{found.documents:,} documents, {found.chunks:,} chunks" + (
        "" if found.is_complete else ", the newest"
    )
    if found.faults:
        raise BrokenCorpusError(
            f"of {looked_at}, {found.broken:,} documents are incomplete. {'; '.join(found.faults)}. `ingest run` on "
            "their source with --full fixes them, and pays only for texts without a vector."
        )
    if found.unproved:
        return (
            f"{looked_at}: no fault; {found.unproved:,} documents are from before passages could be proved. `ingest "
            "run` on their source with --full does it, once, and pays nothing for it"
        )
    return f"{looked_at}: each has the passages of its text, each text has its vector or waits for it"


def _provider(pipeline: Pipeline) -> str:
    if not pipeline.has_batches:
        return f"{pipeline.provider_name}: no Batch API; `ingest export` and `ingest load` go without it"
    pipeline.provider.check()
    if pipeline.is_local:
        return "local: no key is given, texts are embedded on this machine"
    clear = f"; {IN_CLEAR}, over http://" if goes_in_clear(pipeline.account.base_url) else ""
    return f"{pipeline.provider.name} at {pipeline.provider.endpoint}: answers, and takes the key{clear}"


# What is looked at where there is a database.
_IN_DATABASE: dict[str, Callable[[Pipeline], str]] = {
    "connections": _connections,
    "rights": _rights,
    "corpus": _corpus,
    "versions": _versions,
    "integrity": _integrity,
}
