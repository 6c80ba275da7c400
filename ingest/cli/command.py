"""What all commands have in common: their options, the settings, the pipeline, how they end."""

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.cli.ending import end
from ingest.cli.options import EVERYWHERE, OUTPUT, SETTINGS, SOURCE, SOURCE_DEFAULTS
from ingest.commands import repeated_options
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


def command(*settings: str, reads: bool = False) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """A command that is given a Pipeline and a Screen, then its own parameters; it returns its exit status.

    The options of these settings, and those common to all commands, are added to its signature. `reads`: those of a
    source too, which it is given as `source`.
    """
    names = (*settings, *EVERYWHERE)

    def decorate(function: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(config: Path | None, as_json: bool, verbose: bool, quiet: bool, **given: Any) -> None:
            from ingest.terminal.screen import Screen

            screen = Screen(function.__name__, as_json=as_json, quiet=quiet, verbose=verbose)
            flags = {name: given.pop(name) for name in names}
            screen.corpus = flags["corpus"] or screen.corpus
            screen.options = repeated_options(config, names_database=flags["database_url"] is not None)
            screen.log_as(flags["log_format"] or os.environ.get("INGEST_LOG_FORMAT"))  # also if the settings are wrong
            called: Callable[..., int | None] = function
            if reads:
                called = functools.partial(_reading, function, {name: given.pop(name) for name in SOURCE})
            end(screen, functools.partial(_call, called, screen, flags, config, given), flags, config)

        own = list(inspect.signature(function).parameters.values())[3 if reads else 2 :]
        added: list[tuple[str, Any, Any]] = []
        if reads:
            added += [(name, option, SOURCE_DEFAULTS.get(name)) for name, option in SOURCE.items()]
        added += [(name, SETTINGS[name], None) for name in names]
        added += [(name, option, None if name == "config" else False) for name, option in OUTPUT.items()]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
            for name, option, default in added
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _call(
    function: Callable[..., int | None],
    screen: "Screen",
    flags: dict[str, Any],
    config: Path | None,
    given: dict[str, Any],
) -> int | None:
    from ingest.pipeline import Pipeline
    from ingest.settings import load_settings
    from ingest.settings_file import mistyped_variables

    settings = load_settings(flags, config)
    screen.log_as(settings.log_format)
    screen.corpus = settings.corpus
    if said := mistyped_variables(type(settings).model_fields):
        screen.say(said)
    with Pipeline(settings, screen) as pipeline:
        return function(pipeline, screen, **given)


def _reading(
    function: Callable[..., int | None],
    columns: dict[str, Any],
    pipeline: "Pipeline",
    screen: "Screen",
    **given: Any,
) -> int | None:
    """Call a command that reads, with what it reads."""
    paths, table = columns.pop("paths") or [], columns.pop("table")
    if bool(paths) == bool(table):
        raise UsageError("name what to read: either paths, or a --table.")
    if columns["into"] and not table:
        raise UsageError("--into fills a column of a --table: name that.")
    if not table:
        from ingest.sources.files import Files
        from ingest.sources.records import Fields

        fields = Fields(**{name: columns[name] for name in ("key", "text", "title", "syntax")})
        return function(pipeline, screen, Files(paths, fields), **given)
    from ingest.sources.tables import Table

    return function(pipeline, screen, Table(table, **columns), **given)
