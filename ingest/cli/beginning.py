"""`ingest init`: write ingest.toml, by asking or from flags."""

import inspect
import json
import os
import re
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.ending import end
from ingest.cli.options import OUTPUT, SETTINGS, SOURCE, SOURCE_DEFAULTS
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.terminal.screen import Screen

_UNNAMEABLE = re.compile(r"[^\w. -]+|^[^\w]+")
_TABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_FLAGS = ("corpus", "model", "dimensions", "vector_type", "chunk_tokens")
_OF_FILES = ("path_metadata", "modified", "exclude", "include")
_COLUMNS = tuple(name for name in SOURCE if name not in ("paths", "table", *_OF_FILES))
_CALLED = {"key": "id", "exclude": "ignore"}  # in the file, where that is not the flag's name
_DEFAULTS = {"id": "id", **SOURCE_DEFAULTS}


def init(**given: Any) -> None:
    """Write ingest.toml. It asks what is to be read, or takes that from flags; then `ingest run` is enough."""
    from ingest.terminal.screen import Screen

    screen, config = Screen("init", as_json=given["as_json"]), given["config"]

    def write() -> int:
        sources = _from_flags(given) or _asked(screen, config.parent)
        settings = {setting: given[setting] for setting in _FLAGS if given[setting] is not None}
        if "corpus" not in settings and screen.has_person and not (given["paths"] or given["table"]):
            settings["corpus"] = screen.ask("The corpus, a schema of the database:", "corpus")
        told = _toml(settings, sources)
        _check(told, sources, config)
        if config.exists() and not given["yes"] and not screen.confirm(f"{config} is there: write over it?"):
            raise UsageError(f"{config} is there: it was left as it is. --yes writes over it, --config names another.")
        config.write_text(told, encoding="utf-8")
        screen.done(
            {"file": str(config), "sources": sources}, f"{config} is written; `ingest estimate` says what it costs"
        )
        return 0

    end(screen, write)


_OPTIONS: dict[str, tuple[Any, object]] = {
    "paths": (SOURCE["paths"], None),
    "name": (
        Annotated[
            str | None, typer.Option(help="The source's name: its URIs are relative to it; default: the folder's.")
        ],
        None,
    ),
    **{name: (SOURCE[name], SOURCE_DEFAULTS.get(name)) for name in ("table", *_COLUMNS, *_OF_FILES)},
    **{name: (SETTINGS[name], None) for name in _FLAGS},
    "yes": (Annotated[bool, typer.Option("--yes", "-y", help="Write over a file that is there.")], False),
    "config": (Annotated[Path, typer.Option(help="The file to write.")], Path("ingest.toml")),
    "as_json": (OUTPUT["as_json"], False),
}
_PARAMETERS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
    for name, (option, default) in _OPTIONS.items()
]
init.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]
init.__annotations__ = {parameter.name: parameter.annotation for parameter in _PARAMETERS}


def _from_flags(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The sources that flags name."""
    paths, table = given["paths"] or [], given["table"]
    if paths and table:
        raise UsageError("name what to read: either paths, or a --table.")
    told = {_CALLED.get(flag, flag): given[flag] for flag in (*_COLUMNS, *_OF_FILES)}
    told["metadata"] = [name for part in (told["metadata"] or "").split(",") if (name := part.strip())]
    told = {name: value for name, value in told.items() if value and value != _DEFAULTS.get(name)}
    if table:
        return [{**({"name": given["name"]} if given["name"] else {}), "table": table, **told}]
    if given["name"] and len(paths) > 1:
        raise UsageError("--name is that of one path.")
    return [{**_described(path, given["config"].parent, given["name"]), **told} for path in paths]


def _described(path: str, folder: Path, name: str | None) -> dict[str, Any]:
    """A source by its path: what kind it is, from where the file is, and its name."""
    if "://" in path:
        return {**({"name": name} if name else {}), "url": path}
    there = path if Path(path).is_absolute() else os.path.relpath(path, folder)
    if has_magic(path) and not os.path.lexists(path):
        return {**({"name": name} if name else {}), "glob": there}
    if not os.path.lexists(path):
        raise UsageError(f"no such file or folder: {path}.")
    found = name or (_UNNAMEABLE.sub("", Path(path).resolve().name) if Path(path).is_dir() else "")
    return {**({"name": found} if found else {}), "path": there}


def _asked(screen: "Screen", folder: Path) -> list[dict[str, Any]]:
    """The sources that a person names."""
    if not screen.has_person:
        raise UsageError("name what is to be read, as in `ingest init docs/ --corpus docs`: there is nobody to ask.")
    sources: list[dict[str, Any]] = []
    while not sources or screen.confirm("Is there more to be read?"):
        path = screen.ask("What is to be read: a folder, a file, a glob, a URL, or a table of the database?", "docs")
        if not os.path.lexists(path) and _TABLE.fullmatch(path) and screen.confirm(f"Is {path} a table?"):
            key, text = screen.ask("Which column is the key?", "id"), screen.ask("Which is the text?", "text")
            columns = {"id": key, "text": text}
            chosen = {column: value for column, value in columns.items() if value != _DEFAULTS[column]}
            sources.append({"table": path, **chosen})
            continue
        try:
            source = _described(path, folder, None)
        except UsageError as error:
            screen.say(str(error))
            continue
        if "name" in source:
            source["name"] = screen.ask("Its name, to which the URIs of its documents are relative:", source["name"])
        sources.append(source)
    return sources


def _check(told: str, sources: list[dict[str, Any]], config: Path) -> None:
    """See that what is to be written can be read again."""
    import tomllib

    from pydantic import ValidationError

    from ingest.settings import Settings
    from ingest.sources.declared import DeclaredSource
    from ingest.sources.files import Files

    try:
        again = tomllib.loads(told)
        Settings(**{name: value for name, value in again.items() if name != "sources"})
        for source in sources:
            opened = DeclaredSource(**source).opened(config.parent)
            if isinstance(opened, Files):
                opened.check()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "what is to be read"
        raise UsageError(f"{where} is wrong: {first['msg'].removeprefix('Value error, ')}.") from None


def _toml(settings: dict[str, Any], sources: list[dict[str, Any]]) -> str:
    lines = [
        "# What is read, and how: docs/sources.md. Secrets stand in the environment: DATABASE_URL, OPENAI_API_KEY."
    ]
    lines += [f"{name} = {_value(value)}" for name, value in settings.items()]
    for source in sources:
        lines += ["", "[[sources]]", *(f"{name} = {_value(value)}" for name, value in source.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """A text, a number or a list of texts, as TOML has them: as JSON, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
