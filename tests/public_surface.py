"""What others may rely on (docs/stability.md), and what would break them: Python names, commands, columns.

What was promised stands in tests/golden; `python -m tests.public_surface` promises what there is now.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import tempfile
from pathlib import Path
from textwrap import dedent
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import griffe
from pydantic import BaseModel

import ingest
from docs.making.commands import options_of_commands
from docs.making.python import RESULTS, SOURCES
from ingest import pytest_plugin, settings

if TYPE_CHECKING:
    from collections.abc import Iterator


PROMISED_PYTHON = Path(__file__).parent / "golden" / "public_python.txt"
PROMISED_COMMANDS = Path(__file__).parent / "golden" / "public_commands.json"

PUBLIC_COLUMNS = {
    "documents": {"id": "bigint", "uri": "text", "title": "text", "metadata": "jsonb"},
    "chunks": {
        "id": "bigint",
        "document_id": "bigint",
        "ordinal": "integer",
        "content": "text",
        "headings": "text[]",
        "token_count": "integer",
    },
}
"""And `chunks.embedding`, whose type is the user's choice."""

_SPECIAL = {"__init__", "__call__", "__enter__", "__exit__"}
_REQUIRED = " (required)"


def python_surface() -> str:
    """The public names of Python as one module, without bodies, docstrings and what begins with `_`."""
    classes = [getattr(ingest, name) for name in sorted(ingest.__all__)] + [
        *SOURCES,
        *RESULTS,
        pytest_plugin.IndexCorpus,
    ]
    fixtures = [pytest_plugin.throwaway_postgres, pytest_plugin.index_corpus]
    functions = [settings.load_settings, *(inspect.unwrap(each) for each in fixtures)]
    outlines = [_class(each, classes) for each in classes] + [_function(_syntax(each)) for each in functions]
    return "\n\n\n".join(ast.unparse(each) for each in outlines) + "\n"


def command_surface() -> dict[str, dict[str, str]]:
    """Of each command what each argument and each spelling of an option takes, in words."""
    surface: dict[str, dict[str, str]] = {}
    for name, options in options_of_commands().items():
        surface[name] = {}
        arguments = itertools.count(1)
        for each in options:
            spellings = [f"argument {next(arguments)}"] if each.is_argument else re.findall(r"`(.+?)`", each.names)
            surface[name] |= dict.fromkeys(
                spellings, (each.value or "nothing") + (_REQUIRED if each.is_required else "")
            )
    return surface


def python_breaks(promised: str, now: str) -> Iterator[str]:
    """What would break a program that keeps to what was promised, in griffe's words."""
    with tempfile.TemporaryDirectory() as folder:
        old, new = (_loaded(Path(folder), name, text) for name, text in (("promised", promised), ("now", now)))
        for breakage in griffe.find_breaking_changes(old, new):
            parameter = breakage.old_value or breakage.new_value
            of = f" ({parameter.name})" if isinstance(parameter, griffe.Parameter) else ""
            yield f"{_name(breakage.obj)}{of}: {breakage.kind.value}"
        yield from _changed_types(old, new)


def command_breaks(promised: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> Iterator[str]:
    """What would break a script that keeps to what was promised, in words."""
    for name, was in promised.items():
        given = now.get(name, {})
        for spelling, taken in was.items():
            if spelling not in given or not _takes_all(given[spelling], taken):
                yield f"ingest {name}, {spelling}: took {taken}, takes {given.get(spelling, 'no more')}"
        for spelling in given.keys() - was.keys():
            if given[spelling].endswith(_REQUIRED):
                yield f"ingest {name}, {spelling}: is asked for"


def _syntax(shown: Any) -> Any:
    [node] = ast.parse(dedent(inspect.getsource(shown))).body
    return node


def _function(node: ast.FunctionDef) -> ast.FunctionDef:
    node.body = [ast.Expr(ast.Constant(...))]
    return node


def _class(shown: type, public: list[type]) -> ast.ClassDef:
    """A class as its users see it: with what it has of bases that are not public themselves."""
    above = shown.__mro__[1:]
    hidden = itertools.takewhile(lambda each: each not in public and each.__module__.startswith("ingest"), above)
    kept: dict[str, ast.stmt] = {}
    for each in (shown, *hidden):
        for node in _syntax(each).body:
            if isinstance(node, ast.FunctionDef) and _is_verb(node, inherited=each is not shown):
                kept.setdefault(node.name, _function(node))
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                target = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
                if not target.startswith("_"):
                    kept.setdefault(target, node)
    if issubclass(shown, BaseModel):  # its fields are what is public
        kept = {name: node for name, node in kept.items() if name in shown.model_fields}
        for name, node in kept.items():
            node.annotation = ast.Name(_spelled(shown.model_fields[name].annotation))  # type: ignore[attr-defined]
    outline: ast.ClassDef = _syntax(shown)
    outline.bases = [ast.Name(each.__name__) for each in above if each in (*public, Exception)]
    if shown in RESULTS:  # they are read, and not made, by others
        outline.decorator_list = []
    outline.body = [*kept.values()] or [ast.Expr(ast.Constant(...))]
    return outline


def _spelled(annotation: Any) -> str:
    """A type as it is, whatever names it was given, without the bounds of its values."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _spelled(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(_spelled, arguments))
    if arguments:
        return f"{_spelled(origin)}[{', '.join(map(_spelled, arguments))}]"
    return "None" if annotation is NoneType else getattr(annotation, "__name__", None) or repr(annotation)


def _is_verb(node: ast.FunctionDef, *, inherited: bool) -> bool:
    return node.name in _SPECIAL or not (inherited or node.name.startswith("_"))


def _loaded(folder: Path, name: str, text: str) -> griffe.Object:
    (folder / f"{name}.py").write_text(f"from dataclasses import dataclass\n\n{text}", encoding="utf-8")
    loaded = griffe.load(name, search_paths=[folder], allow_inspection=False)
    assert isinstance(loaded, griffe.Object)
    return loaded


def _changed_types(old: griffe.Object, new: griffe.Object) -> Iterator[str]:
    """What takes, gives or is something else, at which griffe does not look: types, and values of constants."""
    for name, was in old.members.items():
        now = new.members.get(name)
        if isinstance(was, griffe.Class) and isinstance(now, griffe.Class):
            yield from _changed_types(was, now)
        elif isinstance(was, griffe.Attribute) and isinstance(now, griffe.Attribute):
            before, after = (f"{each.annotation} = {each.value}" for each in (was, now))
            if before != after:
                yield f"{_name(was)}: was {before}, is {after}"
        elif isinstance(was, griffe.Function) and isinstance(now, griffe.Function):
            taken = {each.name: str(each.annotation) for each in now.parameters}
            for each in was.parameters:
                if taken.get(each.name, str(each.annotation)) != str(each.annotation):
                    yield f"{_name(was)} ({each.name}): took {each.annotation}, takes {taken[each.name]}"
            if str(was.returns) != str(now.returns):
                yield f"{_name(was)}: gave {was.returns}, gives {now.returns}"


def _name(shown: griffe.Object | griffe.Alias) -> str:
    return shown.path.partition(".")[2]


def _takes_all(now: str, was: str) -> bool:
    """Whether what could be given, or left out, still can be: it takes the same, or one of more choices."""
    accepted, promised = (set(each.removesuffix(_REQUIRED).split(", ")) for each in (now, was))
    return accepted >= promised and (was.endswith(_REQUIRED) or not now.endswith(_REQUIRED))


def main() -> None:
    """Promise what there is now."""
    PROMISED_PYTHON.write_text(python_surface(), encoding="utf-8")
    PROMISED_COMMANDS.write_text(json.dumps(command_surface(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
