"""What `ingest.toml` says is read: sources, of one corpus or of several; looked over before any of them is opened."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingest.errors import UsageError
from ingest.model import OverLimit, Syntax
from ingest.settings import CONFIG_FILE, Settings
from ingest.settings_file import CORPORA, SOURCES, nearest, place_in
from ingest.settings_file import Table as Place
from ingest.sources.destinations import is_page
from ingest.sources.files import Files
from ingest.sources.path_fields import path_pattern
from ingest.sources.records import DEFAULT_FIELDS, Fields
from ingest.sources.repository import is_repository
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = ("path", "glob", "url", "table", "records")
_OF_TABLES = ("where", "updated_at", "into", "over_limit")
_OF_FILES = ("ignore", "include", "path_metadata", "modified")
_Text = Annotated[str, Field(min_length=1)]


class DeclaredSource(BaseModel):
    """A table `[[sources]]`: one of `path`, `glob`, `url`, `records` and `table`, and what a flag would say of it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[\w][\w. -]{0,99}$")] | None = None
    """Its name: the URIs of its documents are relative to it. Without one they are those of the files."""
    path: _Text | None = None
    """A file or a folder, from where ingest.toml is."""
    glob: _Text | None = None
    """A glob, from where ingest.toml is."""
    url: _Text | None = None
    """A page, objects of a storage, a site (`crawl+…`), its sitemap, a feed (`feed+…`), a repository (`git+…`)."""
    records: _Text | None = None
    """A file, folder or glob of JSONL, CSV or Parquet."""
    table: _Text | None = None
    """A table of the database, each row a document."""
    id: _Text | Annotated[list[_Text], Field(min_length=1)] | None = None
    """The column, or the field of records, that is the key; several are the key together. None: id; of a table without
    such a column, its primary key."""
    text: _Text = "text"
    """The column, or the field, of the text."""
    title: _Text | None = None
    """The column, or the field, of the titles."""
    syntax: Syntax = Syntax.TEXT
    """How that text is written: text, markdown or code."""
    metadata: list[_Text] = []
    """The columns, or the fields, that are kept with each document, for searches to filter by and to show."""
    where: _Text | None = None
    """Which rows of the table: a condition in SQL."""
    updated_at: _Text | None = None
    """A column of the table that changes with its row."""
    into: _Text | None = None
    """The vector column of the table that is filled."""
    over_limit: OverLimit | None = None
    """With `into`: what becomes of a row over the model's token limit."""
    ignore: Annotated[list[str], Field(validation_alias=AliasChoices("ignore", "exclude"))] = []
    """What below the folder is not read, as lines of .ingestignore."""
    include: list[str] = []
    """What is read although it would be left out."""
    path_metadata: _Text | None = None
    """Fields of the metadata that stand in the path: `{tenant}/{year}/*.md`."""
    modified: bool = False
    """Whether the time of a file is a field of the metadata."""
    chunk_tokens: Annotated[int, Field(ge=32)] | None = None
    """The most tokens in a chunk of this source."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"it has {' and '.join(kinds) or 'none'}: it has one of {', '.join(_KINDS)}")
        others = _OF_FILES if self.table else _OF_TABLES
        if wrong := [name for name in others if name in self.model_fields_set]:
            raise ValueError(f"{wrong[0]} says nothing of a {kinds[0]}")
        if self.url and "://" not in self.url:
            raise ValueError("url is no URL: it begins with https://, s3:// or the like")
        try:
            path_pattern(self.path_metadata or "{any}")
        except UsageError as error:
            raise ValueError(str(error).rstrip(".")) from None
        return self

    @property
    def _key(self) -> str | None:
        return ",".join(self.id) if isinstance(self.id, list) else self.id

    def opened(self, folder: Path) -> Files | Table:
        """The source; `folder`: from where its paths are."""
        if self.table:
            return Table(
                self.table,
                key=self._key,
                text=self.text,
                title=self.title,
                where=self.where,
                updated_at=self.updated_at,
                syntax=self.syntax,
                into=self.into,
                over_limit=self.over_limit,
                source=self.name,
                chunk_tokens=self.chunk_tokens,
                metadata=tuple(self.metadata),
            )
        given = self.url or self.path or self.glob or self.records or ""
        is_local = not is_page(given) and "://" not in given and given != "-"
        return Files(
            [str(folder / given) if is_local and folder.parts else given],
            Fields(self._key or DEFAULT_FIELDS.key, self.text, self.title, self.syntax, tuple(self.metadata)),
            exclude=tuple(self.ignore),
            include=tuple(self.include),
            source=self.name,
            chunk_tokens=self.chunk_tokens,
            path_metadata=self.path_metadata,
            modified=self.modified,
        )


def declared_sources(config: Path | None, default: str) -> dict[str, list[Files | Table]]:
    """What the file says is read, by the corpus; `default`: the one of the sources that stand outside of any.

    A corpus that has settings in the file, and no sources, is there, too.

    Raises:
        UsageError: something of it cannot be right, with its line.
    """
    file = config or CONFIG_FILE
    if not file.is_file():
        return {}
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from None
    declared: dict[str, list[Files | Table]] = {}
    if SOURCES in told:
        declared[default] = _sources(file, told[SOURCES], ())
    corpora = told.get(CORPORA, {})
    if not isinstance(corpora, dict):
        raise UsageError(_at(file, Place(), CORPORA, f"{CORPORA} holds tables: [{CORPORA}.NAME]."))
    for name, own in corpora.items():
        declared[name] = [*declared.get(name, []), *_own_sources(file, name, own)]
    return declared


def _own_sources(file: Path, name: str, own: object) -> list[Files | Table]:
    place = Place((CORPORA, name))
    if not isinstance(own, dict):
        raise UsageError(_at(file, Place((CORPORA,)), name, f"[{CORPORA}.{name}] is a table."))
    known = (*Settings.model_fields.keys() - {"corpus"}, SOURCES)
    for key in own:
        if key not in known:
            raise UsageError(_at(file, place, key, f"there is no setting {key} of a corpus{nearest(key, known)}"))
    return _sources(file, own.get(SOURCES, []), (CORPORA, name))


def _sources(file: Path, told: object, above: tuple[str, ...]) -> list[Files | Table]:
    name = ".".join((*above, SOURCES))
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise UsageError(_at(file, Place(above), SOURCES, f"{name} is a list of tables: [[{name}]]."))
    found = [_source(file, each, Place((*above, SOURCES), index)) for index, each in enumerate(told)]
    for index, each in enumerate(found):
        if each.source and each.source in [other.source for other in found[:index]]:
            twin = f"there is a source of the name {each.source} already: each of a corpus has its own."
            raise UsageError(_at(file, Place((*above, SOURCES), index), "name", twin))
    repositories = [each.roots[0] for each in found if isinstance(each, Files) and is_repository(each.paths[0])]
    for index, root in enumerate(repositories):
        if root in repositories[:index]:
            twin = f"{root} is read twice: two revisions of it are the same documents, unless each source has a name."
            raise UsageError(_at(file, Place((*above, SOURCES)), None, twin))
    if len(found) > 1 and any(isinstance(each, Table) and each.into for each in found):
        index = next(index for index, each in enumerate(found) if isinstance(each, Table) and each.into)
        alone = (
            "a corpus that fills a column (into) reads that table, and nothing beside it: give it a corpus of its own."
        )
        raise UsageError(_at(file, Place((*above, SOURCES), index), "into", alone))
    return found


def _source(file: Path, told: dict[str, Any], place: Place) -> Files | Table:
    try:
        return DeclaredSource(**told).opened(file.parent)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = str(first["loc"][0]) if first["loc"] else None
        if first["type"] == "extra_forbidden":
            message = f"a source has no key {key}{nearest(str(key), DeclaredSource.model_fields)}"
        else:
            said = first["msg"].removeprefix("Value error, ")
            message = f"{key} is wrong: {said}." if key else f"this source is wrong: {said}."
        raise UsageError(_at(file, place, key, message)) from None


def _at(file: Path, place: Place, key: str | None, message: str) -> str:
    where = place_in(file, place, key) or place_in(file, place) or place_in(file, Place(), SOURCES) or str(file)
    return f"{where}: {message}"
