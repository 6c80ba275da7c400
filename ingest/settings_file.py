"""`ingest.toml` as people write it: where something wrong stands in it, and what it may have been meant to be.

Beside settings it holds what is read: `[[sources]]`, and `[corpora.NAME]` with sources and settings of its own.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_settings import SettingsConfigDict, TomlConfigSettingsSource

from ingest.commands import DEFAULT_CORPUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_settings import BaseSettings

SOURCES, CORPORA = "sources", "corpora"
_PREFIX = "INGEST_"
_MUCH_ALIKE = 0.8  # MODLE and MODEL; 0.6, as for a name in our own file, takes many for one that are none


class Table(NamedTuple):
    """Which table of the file; `at`: of those of an array, counted from 0."""

    names: tuple[str, ...] = ()
    at: int = 0


class FileSource(TomlConfigSettingsSource):
    """The settings that the file has for a corpus; None: for the one that it names."""

    def __init__(self, settings_cls: type[BaseSettings], corpus: str | None) -> None:
        self._corpus = corpus
        super().__init__(settings_cls)

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        told = super()._read_file(file_path)
        return _settings_of(told, self._corpus or told.get("corpus", DEFAULT_CORPUS))


@lru_cache(maxsize=8)
def reading(settings: type[BaseSettings], file: Path) -> type[Any]:
    """Settings that read this file: a class of their own, and to make one takes longer than to load them."""
    return type(settings.__name__, (settings,), {"model_config": SettingsConfigDict(toml_file=file)})


def _settings_of(told: Mapping[str, Any], corpus: object) -> dict[str, Any]:
    """Those of the corpus go before those of all."""
    corpora = told.get(CORPORA)
    own = corpora.get(corpus) if isinstance(corpora, dict) else None
    own = own if isinstance(own, dict) else {}
    return {name: value for name, value in {**told, **own}.items() if name not in {SOURCES, CORPORA}}


def place_of(name: str, file: Path, corpus: str | None = None) -> str:
    """`INGEST_NAME`, or the file and the line where the setting begins; nothing where it is in neither."""
    variable = f"{_PREFIX}{name.upper()}"
    if os.environ.get(variable):
        return variable
    own = place_in(file, Table((CORPORA, corpus)), name) if corpus else ""
    return own or place_in(file, Table(), name)


def place_in(file: Path, table: Table, key: str | None = None) -> str:
    """The file and the line where a table begins, or a key of it; nothing where it is not found."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    number = next((number for number, *at in _keys(lines) if at == [table, key]), None)
    return f"{file}, line {number}" if number else ""


def declares(file: Path) -> bool:
    """Whether a file may say what is read; one that cannot be read says nothing."""
    try:
        told = file.read_bytes()
    except OSError:
        return False
    return SOURCES.encode() in told or CORPORA.encode() in told


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, as a question; nothing where none is like it."""
    found = get_close_matches(name, list(known), n=1)
    return f": did you mean {found[0]}?" if found else "."


def mistyped_variables(known: Iterable[str]) -> str | None:
    """What to say of variables whose names are like a setting's and no setting's; None: nothing.

    What is like none may be another program's, which can have variables of this prefix, too.
    """
    names = set(known)
    found = []
    for variable, value in sorted(os.environ.items()):
        name = variable.upper().removeprefix(_PREFIX).lower()
        if not value or not variable.upper().startswith(_PREFIX) or name in names or name.startswith("test_"):
            continue
        if meant := get_close_matches(name, names, n=2, cutoff=_MUCH_ALIKE):
            found.append(f"{variable} (did you mean {' or '.join(_PREFIX + each.upper() for each in meant)}?)")
    return f"warning: in the environment, but no setting, and without effect: {', '.join(found)}" if found else None


def _keys(lines: Iterable[str]) -> Iterator[tuple[int, Table, str | None]]:
    """The lines with a table, or with a key of it: `prices` of `prices."a-model".batch = 1`, as of a table `prices`."""
    table, counts = Table(), dict[tuple[str, ...], int]()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("["):
            names = tuple(part.strip(" \t\"'") for part in text.strip("[").partition("]")[0].split("."))
            index = counts.get(names, -1) + 1
            counts[names] = index
            table = Table(names, index)
            yield number, table, None
            yield number, Table(names[:-1]), names[-1]
            yield number, Table(), names[0]
        else:
            yield number, table, text.partition("=")[0].partition(".")[0].strip(" \t\"'")


def what_is_wrong(error: ValidationError, given: Mapping[str, Any], file: Path, fields: Iterable[str]) -> str:
    """The first thing that cannot be right, and where it stands; `given`: what does not stand in the file."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "settings"
    top = name.partition(".")[0]
    corpus = given.get("corpus") or os.environ.get("INGEST_CORPUS")
    place = "" if top in given else place_of(top, file, corpus)
    where = f"{place}: " if place else ""
    if first["type"] == "extra_forbidden":
        return f"{where}there is no setting {name}{nearest(name, (*fields, SOURCES, CORPORA))}"
    return f"{where}the setting {name} is wrong: {first['msg'].removeprefix('Value error, ')}."
