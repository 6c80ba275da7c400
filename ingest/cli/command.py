"""What all commands have in common: their options, the settings, the pipeline, how they end."""

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ingest.cli.corpora import Scope, chosen_corpora
from ingest.cli.ending import ended, worst
from ingest.cli.options import EVERYWHERE, OUTPUT, SETTINGS, SOURCE, SOURCE_DEFAULTS
from ingest.commands import repeated_options

if TYPE_CHECKING:
    from ingest.settings import Settings
    from ingest.terminal.screen import Screen

_INTERRUPTED = 130


def command(
    *settings: str, reads: bool = False, needs_source: bool = True, scope: Scope = "one"
) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """A command that is given a Pipeline and a Screen, then its own parameters; it returns its exit status.

    The options of these settings, and those common to all commands, are added to its signature. `reads`: those of a
    source too, which it is given as `source`; not `needs_source`: where nothing is named or declared, it is called
    without. `scope`: with `every`, and where no corpus is named, it is called for each that ingest.toml declares; one
    that fails is told, and the others go on. The exit status is then the worst.
    """
    names = (*settings, *EVERYWHERE)

    def decorate(function: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(config: Path | None, as_json: bool, verbose: bool, quiet: bool, **given: Any) -> None:
            from ingest.terminal.screen import Screen

            screen = Screen(
                function.__name__.strip("_").replace("_", " "), as_json=as_json, quiet=quiet, verbose=verbose
            )
            flags = {name: given.pop(name) for name in names}
            columns = {name: given.pop(name) for name in SOURCE} if reads else None
            screen.corpus = flags["corpus"] or screen.corpus
            screen.options = repeated_options(config, names_database=flags["database_url"] is not None)
            screen.log_as(flags["log_format"] or os.environ.get("INGEST_LOG_FORMAT"))  # also if the settings are wrong
            corpora: dict[str | None, Any] = {}

            def choose() -> None:
                # A file to load, and a watch that does not end, are of one corpus.
                is_of_one = given.get("files") or given.get("watch")
                chosen = chosen_corpora(
                    flags, config, "one" if is_of_one else scope, columns, needs_source=needs_source
                )
                corpora.update(chosen)
                if len(corpora) > 1:
                    for corpus in corpora:  # all of the file is looked over before anything is done
                        _settings_of(flags, config, corpus)

            if status := ended(screen, choose, flags, config, is_all=False):
                raise typer.Exit(status)
            statuses = [0]
            for corpus, sources in corpora.items():
                one = screen if len(corpora) == 1 else screen.beside(corpus or screen.corpus)
                called = functools.partial(function) if sources is None else _reading(function, sources)
                call = functools.partial(_call, called, one, {**flags, "corpus": corpus}, config, given)
                statuses.append(ended(one, call, flags, config))
                if statuses[-1] == _INTERRUPTED:
                    break
            raise typer.Exit(worst(statuses))

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


def _reading(function: Callable[..., int | None], sources: Any) -> Callable[..., int | None]:
    """A command with what it reads."""
    given = sources[0] if len(sources) == 1 else sources
    return lambda pipeline, screen, **others: function(pipeline, screen, given, **others)


def _settings_of(flags: dict[str, Any], config: Path | None, corpus: str | None) -> "Settings":
    """The settings of a corpus."""
    from ingest.settings import load_settings

    return load_settings({**flags, "corpus": corpus}, config)
