"""Every setting, with its type, default and environment variable."""

from __future__ import annotations

import ast
import inspect
import re
import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from annotated_types import Ge, Gt, Le
from pydantic import AliasChoices, SecretStr
from pydantic_core import PydanticUndefined

from docs.making.markdown import listed, string
from ingest.cli import app
from ingest.cli.options import SETTINGS
from ingest.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


INTRODUCTION = """\
# Settings

A flag is stronger than an environment variable, that is stronger than `ingest.toml` in the folder where the command
runs (`--config FILE` names another), and that is stronger than the default. In `ingest.toml` a setting stands by its
own name:

```toml
corpus = "docs"
max_enqueued_tokens = 3_000_000
```

A name in that file that is no setting is refused. A variable `INGEST_…` of such a name is told of in a line where it is
much like a setting's, and taken for another program's otherwise.

From Python: `Settings(corpus="docs")`, which reads the environment too.

Below each setting: what its value is, its default, its environment variables, and the flag of the commands that take
one."""


def settings() -> str:
    """Every setting, with its type, default and environment variable."""
    parsers: Any = typer.main.get_command(app)
    options = {each.name: each.opts for command in parsers.commands.values() for each in command.params}
    flags = {name: options[name][0] for name in SETTINGS if name in options}
    parts = [
        INTRODUCTION,
    ]
    for group, name, meaning in _documented_settings():
        field = Settings.model_fields[name]
        aliases = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
        variables = [str(each) for each in aliases if str(each).isupper()] or [f"INGEST_{name.upper()}"]
        default = _default(field)
        facts = [
            _kind(field.annotation, field.metadata),
            *([f"default: {default}"] if default else []),
            *(f"`{each}`" for each in variables),
            *([f"`{flags[name]}`"] if name in flags else []),
        ]
        parts += [f"## {group}"] if group else []
        parts += [f"### `{name}`", _shown(meaning), " · ".join(facts)]
    return "\n\n".join(parts)


def _shown(meaning: str) -> str:
    """A docstring as the page has it: what is left out is not None there, and pages are linked."""
    return re.sub(r"\bdocs/([\w-]+\.md)", r"[\1](../\1)", re.sub(r"\bNone: ", "Left out: ", meaning))


def _documented_settings() -> Iterator[tuple[str, str, str]]:
    """The settings in their order: the heading above each, or nothing; its name; what its docstring says."""
    lines = inspect.getsource(inspect.getmodule(Settings) or Settings).splitlines()
    [found] = [
        node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    for node, after in zip(found.body, found.body[1:], strict=False):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id in Settings.model_fields
        ):
            above = re.fullmatch(r" +# (.+)", lines[node.lineno - 2])
            yield above[1] if above else "", node.target.id, string(after) or _missing(node.target.id)


def _missing(name: str) -> str:
    raise SystemExit(f"the setting {name} has no docstring: say below it what it means.")


def _kind(annotation: Any, metadata: Iterable[object] = ()) -> str:
    """A type in words, with its bounds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        inner, *found = arguments
        return _kind(inner, [each for info in found for each in getattr(info, "metadata", [info])])
    if origin in {typing.Union, types.UnionType}:
        [inner] = [each for each in arguments if each is not types.NoneType]
        return _kind(inner, metadata)
    if origin is typing.Literal:
        return listed(map(str, arguments), "or")
    if origin is tuple:
        item = arguments[0]
        return f"a list of tables of {_names(item)}" if is_dataclass(item) else f"a list of {_kind(item)}"
    if origin is dict:
        return "a table"
    word = {
        bool: "`true` or `false`",
        int: "whole number",
        float: "number",
        str: "text",
        Path: "path",
        SecretStr: "text, never shown",
    }[annotation]
    bounds = [_bound(each) for each in metadata if isinstance(each, Gt | Ge | Le)]
    return f"{word}, {' and '.join(bounds)}" if bounds else word


def _names(table: Any) -> str:
    return listed([each.name for each in fields(table)], "and")


def _bound(bound: Gt | Ge | Le) -> str:
    if isinstance(bound, Gt):
        return f"over {bound.gt}"
    return f"at least {bound.ge:,}" if isinstance(bound, Ge) else f"at most {bound.le:,}"


def _default(field: Any) -> str:
    if field.default_factory:
        described = (inspect.getdoc(field.default_factory) or "").rstrip(".")
        return described[:1].lower() + described[1:]
    default = field.default
    if default is None or default is PydanticUndefined or default in ({}, ()):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"{default:g}"
    return f"{default:,}" if isinstance(default, int) else f"`{default}`"
