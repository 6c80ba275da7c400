"""What is right, what is wrong, and what to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `exit_status`: what a run would end with, were it begun now."""

    name: str
    ok: bool
    finding: str
    exit_status: int = 0


def examine(pipeline: Pipeline) -> list[Check]:
    """Look at everything a run needs; what depends on something broken is left out."""
    return list(_checks(pipeline))


def _checks(pipeline: Pipeline) -> Iterator[Check]:
    settings = pipeline.settings
    yield Check("data", ok=True, finding=f"{settings.data_dir}")
    database = _check("database", lambda: _database(pipeline))
    yield database
    if database.ok:
        yield _check("corpus", lambda: _corpus(pipeline))
    yield _check("provider", lambda: _provider(pipeline))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, finding=look())
    except IngestError as error:
        return Check(name, ok=False, finding=str(error), exit_status=error.exit_status)


def _database(pipeline: Pipeline) -> str:
    row = pipeline.connection.execute(
        "SELECT current_setting('server_version'), "
        "(SELECT default_version FROM pg_available_extensions WHERE name = 'vector'), "
        "has_database_privilege(current_database(), 'CREATE')"
    ).fetchone()
    version, pgvector, may_create = row or ("?", None, False)
    which = "" if pipeline.settings.database_url else " (embedded)"
    if pgvector is None:
        from ingest.errors import UsageError

        raise UsageError(f"PostgreSQL {version}{which} has no pgvector: install it on the server.")
    rights = "" if may_create else "; the role may not CREATE schemas"
    return f"PostgreSQL {version}{which}, pgvector {pgvector}{rights}"


def _corpus(pipeline: Pipeline) -> str:
    from ingest.database.corpus import find_indexing

    indexing = find_indexing(pipeline.connection)
    if indexing is None:
        return f"{pipeline.corpus}: not there yet; the first run makes it"
    return f"{pipeline.corpus}: {indexing.model}, {indexing.vector_type}({indexing.dimensions})"


def _provider(pipeline: Pipeline) -> str:
    if not pipeline.has_batches:
        return f"{pipeline.provider_name}: no Batch API; `ingest export` and `ingest load` go without it"
    pipeline.provider.check()
    if pipeline.is_local:
        return "local: no key is given, texts are embedded on this machine"
    return f"{pipeline.provider.name} at {pipeline.provider.endpoint}: answers, and takes the key"
