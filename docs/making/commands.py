"""Every command, its options and their help."""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.models

from docs.making.markdown import block, listed, table
from ingest.cli import app
from ingest.cli.options import EVERYWHERE, OUTPUT, SOURCE
from ingest.emulator.faults import FAULTS, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


INTRODUCTION = """\
# Commands

`ingest COMMAND --help` says the same in the terminal. How a command ended is told by its
[exit status](exit-statuses.md)."""

EXAMPLES = {
    "run": "ingest run docs/ --corpus docs --max-cost 5",
    "sync": "ingest sync docs/ --corpus docs --dry-run -v",
    "estimate": "ingest estimate docs/ --model text-embedding-3-large",
    "init": "ingest init docs/ --corpus docs",
    "list": "ingest list",
    "remove": "ingest remove handbook/drafts/ --corpus docs",
    "drop": "ingest drop docs",
    "submit": "ingest submit --corpus docs --yes",
    "status": "ingest status --corpus docs",
    "cost": "ingest cost --corpus docs --documents 10",
    "report": "ingest report last-runs.html --corpus docs",
    "load": "ingest load results/batch_1_output.jsonl --corpus docs",
    "retry": "ingest retry --corpus docs",
    "cancel": "ingest cancel --corpus docs",
    "clean": "ingest clean --corpus docs",
    "index": "ingest index --corpus docs",
    "reembed": "ingest reembed --corpus docs --model text-embedding-3-large --dimensions 1024 --type halfvec",
    "search": 'ingest search "how do I create a partial index?" --corpus docs --limit 3',
    "eval": "ingest eval questions.jsonl --corpus docs",
    "eval init": "ingest eval init questions.jsonl --corpus docs",
    "export": "ingest export requests/ --corpus docs",
    "parquet": "ingest parquet docs.parquet --corpus docs",
    "webhook": "ingest webhook --port 8090",
    "mcp": "ingest mcp --http --token-file token",
    "doctor": "ingest doctor --database-url postgresql://me@db.example.com/app",
    "emulator": "ingest emulator --port 8080 --latency 2 --fault http_429_create:0.5",
}


@dataclass(frozen=True)
class Option:
    """An option or argument as it is read."""

    name: str
    names: str
    value: str
    default: str
    help: str
    is_argument: bool
    is_required: bool


def commands() -> str:
    """Every command, its options and their help."""
    found = _callbacks()
    options = options_of_commands()
    shared = [option for option in options["run"] if option.name in {*EVERYWHERE, *OUTPUT}]
    reading = [option for option in options["run"] if option.name in SOURCE]
    parts = [
        INTRODUCTION,
        table(
            ("command", "does"),
            ((f"[`ingest {name}`](#{_anchor(name)})", _summary(call)[0]) for name, call in found),
        ),
        "## Options of every command",
        f"But of {listed(name for name, own in options.items() if shared[0] not in own)}.",
        _option_table(shared),
        "## Options of what is read",
        f"Of {listed(name for name, own in options.items() if reading[0] in own)}.",
        _option_table(reading),
    ]
    for name, callback in found:
        summary, rest = _summary(callback)
        own = [option for option in options[name] if option not in shared and option not in reading]
        asked = [option for option in options[name] if option.is_argument]
        usage = " ".join([f"ingest {name}", *(_usage(option) for option in asked), "[OPTIONS]"])
        parts += [f"## ingest {name}", " ".join([summary, *rest])]
        parts += [block("sh", f"{EXAMPLES[name]}")] if name in EXAMPLES else []
        parts += [f"`{usage}`"]
        parts += [_option_table(own)] if own else []
        besides = [
            link
            for link, group in (
                ("[options of what is read](#options-of-what-is-read)", reading),
                ("[options of every command](#options-of-every-command)", shared),
            )
            if group[0] in options[name]
        ]
        if besides:
            parts.append(f"{'And' if own else 'It has'} the {' and the '.join(besides)}.")
        if name == "emulator":
            parts += _faults()
    return "\n\n".join(parts)


def _anchor(name: str) -> str:
    return f"ingest-{name.replace(' ', '-')}"


def options_of_commands() -> dict[str, list[Option]]:
    """The options and arguments of each command, in their order."""
    parsers: Any = typer.main.get_command(app)
    return {
        name: list(_options(callback, {each.name: each.opts for each in parsers.commands[name].params}))
        for name, callback in _callbacks()
    }


def _callbacks() -> list[tuple[str, Callable[..., Any]]]:
    return [(each.name or each.callback.__name__, each.callback) for each in app.registered_commands if each.callback]


def _faults() -> list[str]:
    """The faults of the emulator, without those of one operation, which are many."""
    by_operation = [name for name in FAULTS if f"{name}_{OPERATIONS[0]}" in FAULTS]
    every = {f"{name}_{operation}" for name in by_operation for operation in OPERATIONS}
    rows = [(f"`{name}`", what) for name, what in FAULTS.items() if name not in every]
    return [
        "### Faults",
        f"{listed(by_operation)} can be of one operation only, such as `http_429_create`.",
        f"The operations are {listed(OPERATIONS)}.",
        table(("fault", "what is seen of it"), rows),
    ]


def _options(callback: Callable[..., Any], names: dict[str, list[str]]) -> Iterator[Option]:
    for name, parameter in inspect.signature(callback).parameters.items():
        type_, info = typing.get_args(parameter.annotation)
        is_argument = isinstance(info, typer.models.ArgumentInfo)
        value = info.metavar or _value(type_)
        default = parameter.default
        if isinstance(info.show_default, str):
            default = info.show_default
        is_required = default is inspect.Parameter.empty
        yield Option(
            name=name,
            names=f"`{name.upper()}`" if is_argument else ", ".join(f"`{each}`" for each in names[name]),
            value=value,
            default="" if is_required or default is None or default is False else f"`{default}`",
            help=info.help or "",
            is_argument=is_argument,
            is_required=is_required,
        )


def _value(type_: Any) -> str:
    """What is given for an option, in a word."""
    [inner, *_] = [each for each in typing.get_args(type_) if each is not types.NoneType] or [type_]
    if typing.get_origin(inner) is list:
        return f"{_value(typing.get_args(inner)[0])} …"
    if inspect.isclass(inner) and issubclass(inner, enum.Enum):
        return ", ".join(f"`{each.value}`" for each in inner)
    return {bool: "", int: "a whole number", float: "a number", str: "a text", Path: "a path"}[inner]


def _usage(option: Option) -> str:
    name = option.name.upper() + ("…" if option.value.endswith("…") else "")
    return name if option.is_required else f"[{name}]"


def _option_table(options: Iterable[Option]) -> str:
    return table(
        ("option", "value", "default", "meaning"),
        ((each.names, each.value, each.default, each.help) for each in options),
    )


def _summary(function: Callable[..., Any]) -> tuple[str, list[str]]:
    """The first sentence of a docstring, and the others."""
    first, *rest = re.split(r"(?<=[.])\s+(?=[-A-Z`])", " ".join((inspect.getdoc(function) or "").split()))
    return first, rest
