"""Which corpora a command is about, and what it reads: as the flags say, else as ingest.toml does."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ingest.cli.options import SOURCE, SOURCE_DEFAULTS
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.sources.files import Files
    from ingest.sources.tables import Table

Scope = Literal["one", "every", "any"]
"""Whether a command is about one corpus, about every one that the file declares, or about none in particular."""


def chosen_corpora(
    flags: dict[str, Any],
    config: Path | None,
    scope: Scope,
    columns: dict[str, Any] | None,
    *,
    needs_source: bool = True,
) -> dict[str | None, "list[Files | Table] | None"]:
    """The corpora, None being the one of the settings, and what is read into each; `columns`: what flags say is read.

    Not `needs_source`: where nothing is named and nothing declared, nothing is read.

    Raises:
        UsageError: the file cannot be right, or does not tell which one is meant.
    """
    given = columns and given_source(columns)
    named = flags["corpus"] or os.environ.get("INGEST_CORPUS") or None
    declared = _declared(flags, config)
    sources: list[Files | Table] | None = [given] if given else None
    if columns is not None and not given:
        _require_no_columns(columns)
        with_sources = {corpus: found for corpus, found in declared.items() if found}
        if not with_sources and needs_source:
            from ingest.settings import load_settings

            load_settings(flags, config)  # [[source]] is told as what it is
            raise UsageError(
                "name what to read: either paths, or a --table, or declare [[sources]] in ingest.toml (`ingest init` "
                "writes it)."
            )
        if named and named not in with_sources and needs_source:
            from ingest.settings_file import nearest

            raise UsageError(f"no [[sources]] are declared for the corpus {named}{nearest(named, with_sources)}")
        chosen: dict[str | None, list[Files | Table] | None] = {
            corpus: found for corpus, found in with_sources.items() if named in (None, corpus)
        }
        if chosen:
            return chosen
    if named or scope == "any" or not declared:
        return {named: sources}
    if len(declared) == 1:
        return {next(iter(declared)): sources}
    if scope == "one" or given:
        raise UsageError(f"several corpora are declared ({', '.join(declared)}): name one of them by --corpus.")
    return dict.fromkeys(declared)


def given_source(columns: dict[str, Any]) -> "Files | Table | None":
    """What flags say is read; None where they say nothing.

    Raises:
        UsageError: they contradict each other.
    """
    columns = dict(columns)
    paths, table = columns.pop("paths") or [], columns.pop("table")
    if paths and table:
        raise UsageError("name what to read: either paths, or a --table.")
    if not paths and not table:
        return None
    metadata = columns.pop("metadata") or ""
    columns["metadata"] = tuple(name for part in metadata.split(",") if (name := part.strip()))
    exclude, include = (tuple(columns.pop(name) or ()) for name in ("exclude", "include"))
    of_files = {name: columns.pop(name) for name in ("path_metadata", "modified")}
    if table:
        from ingest.sources.tables import Table

        if exclude or include:
            raise UsageError("--exclude and --include are about folders: of a --table, --where tells which rows.")
        if any(of_files.values()):
            raise UsageError("--path-metadata and --modified are about files: of a --table, --metadata names columns.")
        return Table(table, **columns)
    if columns["into"]:
        raise UsageError("--into fills a column of a --table: name that.")
    from ingest.sources.files import Files
    from ingest.sources.records import Fields

    named = ("key", "text", "title", "syntax", "metadata")
    fields = Fields(**{name: columns[name] for name in named if columns[name] is not None})
    return Files(paths, fields, exclude=exclude, include=include, **of_files)


def _declared(flags: dict[str, Any], config: Path | None) -> "dict[str, list[Files | Table]]":
    from ingest.settings import CONFIG_FILE, load_settings

    file = config or CONFIG_FILE
    if not file.is_file():
        return {}
    from ingest.settings_file import declares

    if not declares(file):
        return {}
    from ingest.sources.declared import declared_sources

    settings = load_settings({**flags, "corpus": None}, config)
    return declared_sources(config, settings.corpus)


def _require_no_columns(columns: dict[str, Any]) -> None:
    """See that no flag tells how to read something that is not named."""
    for name in SOURCE:
        if columns[name] != SOURCE_DEFAULTS.get(name) and columns[name] != []:
            option = {"key": "id"}.get(name, name).replace("_", "-")
            raise UsageError(f"--{option} is about paths or a --table: name those, or say it in ingest.toml.")
