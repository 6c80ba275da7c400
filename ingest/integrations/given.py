"""What is read, and by which settings, as schedulers keep it: plain JSON, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.corpus import Given
    from ingest.settings import Settings

LONGEST_S = 3600.0  # then a round looks at what a provider tells of no batch


def read_source(source: str | Sequence[str] | Mapping[str, Any] | None) -> Given | None:
    """A path or URL, several, or a table: `{"name": "articles", "text": "body", …}`, the fields of `Table`.

    Raises:
        UsageError: there is none, or a table has no such field, or no name.
    """
    if source is None:
        return None
    if not source:
        raise UsageError(f"there is nothing to read in {source!r}: name a path, a URL or a table.")
    if not isinstance(source, Mapping):
        return [source] if isinstance(source, str) else [str(path) for path in source]
    from ingest.sources.tables import Table

    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in source.items()
    }
    try:
        return Table(**fields)
    except TypeError as error:
        raise UsageError(
            f"a table that is read has a name and the fields of ingest.sources.tables.Table, and no others: {error}."
        ) from None


def read_settings(settings: Mapping[str, Any], secrets: Mapping[str, str | None]) -> Settings:
    """Settings of plain JSON with the secrets of this place; those that are None are as there, or in the environment.

    Raises:
        UsageError: a setting cannot be right.
    """
    from ingest.settings import load_settings

    return load_settings({**settings, **{name: value for name, value in secrets.items() if value is not None}})


def shown_settings(settings: Mapping[str, Any] | None, corpus: str) -> dict[str, Any]:
    """Those of a corpus as a scheduler keeps them, and shows them to people.

    Raises:
        UsageError: there is a secret among them.
    """
    from ingest.settings import NO_SECRETS

    if secrets := NO_SECRETS.keys() & (settings or {}):
        raise UsageError(
            f"{', '.join(sorted(secrets))} would be shown among the parameters of a run: such settings stand in the "
            f"environment of its tasks, as DATABASE_URL and OPENAI_API_KEY, filled by the scheduler's own secrets."
        )
    return {**(settings or {}), "corpus": corpus}


def play_round(
    source: str | Sequence[str] | Mapping[str, Any] | None,
    settings: Mapping[str, Any],
    max_dollars: float | None,
    before: Mapping[str, Any] | None,
    secrets: Mapping[str, str | None] = MappingProxyType({}),
    report: str | None = None,
) -> dict[str, Any]:
    """A round of several: what `Pipeline.advance` returns, as plain JSON; `before` is what the last one returned.

    The first reads the source, and so does one at the end where rows were edited since. `not_read`: the documents that
    could not be read, unless that is allowed. `report`: where the report is written when all is done.
    """
    from ingest.pipeline import Pipeline

    with Pipeline(read_settings(settings, secrets)) as pipeline:
        done = pipeline.advance(read_source(source) if before is None else None, max_dollars=max_dollars)
        if done.done and done.rows_edited and source is not None:
            done = pipeline.advance(read_source(source), max_dollars=max_dollars)
        if done.done and report:
            pipeline.report(Path(report).absolute())
        not_read = 0 if pipeline.settings.allow_unreadable else done.skipped + done.refused
    return asdict(done) | {"not_read": not_read}


def longest_wait_s(done: Mapping[str, Any]) -> float:
    """After so many seconds a round looks, whatever the batches do: a text is due, or a batch that was refused."""
    wait_s: float | None = done["due_s"] if done["batch_ids"] else done["look_again_s"]
    return LONGEST_S if wait_s is None else min(wait_s, LONGEST_S)


def lacking(done: Mapping[str, Any]) -> str | None:
    """What a corpus lacks that is done; None: nothing."""
    if not done["failed"] and not done["not_read"]:
        return None
    return (
        f"{done['failed']:,} texts failed for good and {done['not_read']:,} documents could not be read: the rest of "
        f"the corpus {done['corpus']} is embedded. `ingest status -v` names the texts, and the log the documents."
    )


def counts(done: Mapping[str, Any]) -> dict[str, Any]:
    """What is told beside a task: documents, chunks, tokens, US dollars, all plain."""
    names = ("documents", "chunks", "embedded", "documents_new", "documents_changed", "documents_gone")
    told = {name: done[name] for name in names} | (done["run"] or {})
    return {name: value for name, value in told.items() if value is not None}


def numbers(done: Mapping[str, Any]) -> dict[str, float]:
    """The same for a scheduler with types: what is a number."""
    return {name: float(value) for name, value in counts(done).items() if not isinstance(value, str)}
