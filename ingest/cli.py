"""The command line: parse, call one verb of the pipeline, render. No logic."""

import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import IngestError, UsageError
from ingest.model import OverLimit, Syntax

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.plans import Given
    from ingest.rendering import Screen

app = typer.Typer(
    name="ingest",
    help="Embed a corpus through the OpenAI Batch API and bulk-load the vectors into pgvector.",
    epilog="Exit status: 0 done, 1 some records failed, 2 wrong usage or settings, 3 database or provider out of "
    "reach, 4 stopped by a budget, 130 interrupted. Run the same command again to resume.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help is plain text: with boxes it takes twice as long
    context_settings={"help_option_names": ["-h", "--help"]},
)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Spend without asking.")]
MaxCost = Annotated[float | None, typer.Option(help="Refuse to spend more, in US dollars.", show_default=False)]

# The settings that can be given as flags: the field of `Settings`, and the option.
_SETTINGS: dict[str, Any] = {
    "corpus": Annotated[str | None, typer.Option(help="The corpus: a schema of the database.", show_default="corpus")],
    "database_url": Annotated[
        str | None, typer.Option(help="PostgreSQL; default: DATABASE_URL, else an embedded server.")
    ],
    "provider": Annotated[str | None, typer.Option(help="openai, azure, …, local; default: openai with a key.")],
    "deployment": Annotated[str | None, typer.Option(help="The provider's own name of the model.")],
    "model": Annotated[str | None, typer.Option(help="The embedding model of a new corpus.")],
    "dimensions": Annotated[int | None, typer.Option(help="The length of the vectors of a new corpus.")],
    "vector_type": Annotated[str | None, typer.Option("--type", help="vector or halfvec, for a new corpus.")],
    "chunk_tokens": Annotated[int | None, typer.Option(help="The most tokens in a chunk; default 512.")],
    "full": Annotated[
        bool | None, typer.Option("--full", help="Read all again, also what is unchanged by size and time.")
    ],
    "engine": Annotated[str | None, typer.Option(help="local, or ray: a cluster.", show_default="local")],
    "mode": Annotated[
        str | None,
        typer.Option(
            help="batch, sync (at once, at twice the price) or auto (see docs/money.md).", show_default="batch"
        ),
    ],
    "overlap": Annotated[int | None, typer.Option(help="Tokens repeated from the chunk before; default 0.")],
    "log_format": Annotated[
        str | None, typer.Option(help="text, or json: an object a line on standard error.", show_default="text")
    ],
    "metrics_port": Annotated[int | None, typer.Option(help="Serve Prometheus metrics there, on loopback.")],
    "notify": Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Tell by apprise how it ended, and of stuck batches; repeatable."),
    ],
}
_OUTPUT: dict[str, Any] = {
    "config": Annotated[Path | None, typer.Option(help="Settings; default: ingest.toml, where there is one.")],
    "as_json": Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else there.")],
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="List everything.")],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")],
}
# What is read: paths, or a table; and the columns of the table, or the fields of records.
_SOURCE: dict[str, Any] = {
    "paths": Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, globs; https:// or s3:// URLs; -: JSONL.", show_default=False),
    ],
    "table": Annotated[str | None, typer.Option(help="Rows of this table as documents, in place of files.")],
    "key": Annotated[
        str, typer.Option("--id", help="The column, or the field of JSONL, CSV and Parquet, that is the key.")
    ],
    "text": Annotated[str, typer.Option("--text", help="The column, or the field, of the text.")],
    "title": Annotated[str | None, typer.Option(help="The column, or the field, of the titles.")],
    "where": Annotated[str | None, typer.Option(help="Which rows: a condition in SQL.")],
    "updated_at": Annotated[str | None, typer.Option(help="A column that changes with its row: others are not read.")],
    "syntax": Annotated[Syntax, typer.Option(help="How that text is written.")],
    "into": Annotated[str | None, typer.Option(help="Fill this vector column of the table itself, one vector a row.")],
    "over_limit": Annotated[
        OverLimit, typer.Option(help="With --into: what becomes of a row over the model's token limit.")
    ],
}
_SOURCE_DEFAULTS = {"key": "id", "text": "text", "syntax": Syntax.TEXT, "over_limit": OverLimit.REFUSE}
_EVERYWHERE = ("corpus", "database_url", "log_format")
_INDEXING = ("provider", "deployment", "model", "dimensions", "vector_type", "chunk_tokens", "overlap")


def command(*settings: str, reads: bool = False) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """A command that is given a Pipeline and a Screen, then its own parameters; it returns its exit status.

    The options of these settings, and those common to all commands, are added to its signature. `reads`: those of a
    source too, which it is given as `source`.
    """
    names = (*settings, *_EVERYWHERE)

    def decorate(function: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(config: Path | None, as_json: bool, verbose: bool, quiet: bool, **given: Any) -> None:
            from ingest.rendering import Screen

            screen = Screen(as_json=as_json, quiet=quiet, verbose=verbose)
            flags = {name: given.pop(name) for name in names}
            screen.log_as(flags["log_format"] or os.environ.get("INGEST_LOG_FORMAT"))  # also if the settings are wrong
            called: Callable[..., int | None] = function
            if reads:
                called = functools.partial(_reading, function, {name: given.pop(name) for name in _SOURCE})
            _exit(screen, functools.partial(_call, called, screen, flags, config, given))

        own = list(inspect.signature(function).parameters.values())[3 if reads else 2 :]
        added: list[tuple[str, Any, Any]] = []
        if reads:
            added += [(name, option, _SOURCE_DEFAULTS.get(name)) for name, option in _SOURCE.items()]
        added += [(name, _SETTINGS[name], None) for name in names]
        added += [(name, option, None if name == "config" else False) for name, option in _OUTPUT.items()]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
            for name, option, default in added
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command()(run)
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

    settings = load_settings(flags, config)
    screen.log_as(settings.log_format)
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


def _exit(screen: "Screen", call: Callable[[], int | None]) -> None:
    """Run a command; its outcome as an exit status, never as a traceback."""
    try:
        status = call() or 0
    except IngestError as error:
        screen.error(str(error))
        status = error.exit_status
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more would end us with another status
        screen.error("interrupted: nothing is lost, run the same command again to go on.")
        status = 130
    except BrokenPipeError:  # `ingest search … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    raise typer.Exit(status)


@command(*_INDEXING, "full", "engine", "mode", "notify", "metrics_port", reads=True)
def run(
    pipeline: "Pipeline",
    screen: "Screen",
    source: "Given",
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> int:
    """Everything: sync, submit, wait, load, index. Resumable: run it again after any stop."""
    report = pipeline.run(source, _approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.run_report(report)
    return 1 if report.failures else 0


def _approval(
    pipeline: "Pipeline", screen: "Screen", *, yes: bool, max_cost: float | None
) -> Callable[[int, float], bool]:
    """Whether tokens for so many dollars may be spent: as the flags say, else as a person does."""
    spent = unasked = 0.0  # a run asks for each of its rounds; the limits are those of all together

    def approve(tokens: int, dollars: float) -> bool:
        nonlocal spent, unasked
        from ingest.words import about

        if dollars:
            screen.say(f"{tokens:,} tokens to embed: {about(dollars)}")
        spent, unasked = spent + dollars, unasked + dollars
        if max_cost is not None:
            return spent <= max_cost
        if yes or unasked <= pipeline.settings.ask_above_dollars:
            return True
        unasked = 0.0
        return screen.confirm(f"Spend {about(dollars)}?")

    return approve


@command(*_INDEXING, "full", "engine", reads=True)
def sync(pipeline: "Pipeline", screen: "Screen", source: "Given") -> None:
    """Read, chunk, and bring the database up to date; nothing is sent. Prints what is new, changed, gone, shared."""
    screen.sync_report(pipeline.sync(source))


@command(*_INDEXING, "full", "engine", reads=True)
def estimate(pipeline: "Pipeline", screen: "Screen", source: "Given") -> None:
    """What a run would find, send and cost, without writing."""
    screen.estimate(pipeline.estimate(source))


@command("provider", "deployment")
def submit(
    pipeline: "Pipeline",
    screen: "Screen",
    yes: Yes = False,
    max_cost: MaxCost = None,
) -> None:
    """Send what waits in line. As far as the limits allow; does not wait for the results."""
    pipeline.submit(_approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.status(pipeline.status())


@command()
def status(
    pipeline: "Pipeline",
    screen: "Screen",
    watch: Annotated[bool, typer.Option("--watch", help="Look on until nothing moves; Ctrl-C ends it.")] = False,
) -> int:
    """What runs, what waits and why. What it has cost, when it will be done, what failed and what to do next."""
    if watch:
        try:
            found = screen.watch(pipeline.statuses())
        except KeyboardInterrupt:  # nothing was broken off; but the end was not seen
            return 130
    else:
        found = pipeline.status()
        screen.status(found)
    return 1 if found.failed_requests else 0


@command()
def cost(
    pipeline: "Pipeline",
    screen: "Screen",
    documents: Annotated[int, typer.Option(min=0, metavar="N", help="List the N dearest documents, too.")] = 0,
) -> None:
    """What was estimated and what was billed, run by run. With -v batch by batch."""
    screen.costs(pipeline.costs(documents))


@command()
def report(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The page to write; an earlier report is replaced.", show_default=False)],
) -> None:
    """Write the last runs as one page: FILE.html. Plots, costs, failures; it loads nothing and runs no script."""
    pipeline.report(file)
    screen.done({"report": str(file)}, f"{file} is written")


@command("provider", "engine")
def load(
    pipeline: "Pipeline",
    screen: "Screen",
    files: Annotated[
        list[Path] | None, typer.Argument(help="Result files fetched by hand.", show_default=False)
    ] = None,
) -> int:
    """Load finished batches, or result files fetched by hand. Each of these leaves FILE.done."""
    report = pipeline.load(files or [])
    screen.load_report(report)
    return 1 if report.failed else 0


@command("provider")
def retry(
    pipeline: "Pipeline",
    screen: "Screen",
    exported: Annotated[bool, typer.Option("--exported", help="Those that were exported, instead.")] = False,
    stuck: Annotated[bool, typer.Option("--stuck", help="Those of batches that make no progress, instead.")] = False,
) -> None:
    """Put texts that failed for good back in line. --stuck cancels batches; what they made is kept."""
    if stuck:
        screen.stuck(pipeline.retry_stuck())
        return
    count = pipeline.retry(exported=exported)
    screen.done({"requests": count}, f"{count:,} texts are back in line; `ingest run` sends them")


@command("provider")
def cancel(pipeline: "Pipeline", screen: "Screen") -> int:
    """Cancel what is on its way. What the provider has done is loaded, the rest waits in line."""
    report = pipeline.cancel()
    screen.load_report(report)
    return 1 if report.failed else 0


@command("provider")
def clean(pipeline: "Pipeline", screen: "Screen") -> None:
    """Delete the files of loaded batches at the provider. They hold the corpus's text."""
    count = pipeline.clean()
    screen.done({"files": count}, f"{count:,} files are deleted at the provider")


@command()
def index(pipeline: "Pipeline", screen: "Screen") -> None:
    """Build the vector index, or build it anew. Searches go on meanwhile."""
    built = pipeline.index()
    screen.done(
        {"indexed": True, "built": built}, "the index is built" if built else "there is an index: none is built"
    )


@command("provider", "deployment", "model", "dimensions", "vector_type", "mode", "notify", "metrics_port")
def reembed(
    pipeline: "Pipeline",
    screen: "Screen",
    yes: Yes = False,
    max_cost: MaxCost = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the old version back in use.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Drop the old version.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Drop the new version, which is not in use.")] = False,
) -> int:
    """Embed the corpus by another model, then swap. Searches go on all the while."""
    if rollback:
        pipeline.roll_back()
        screen.done({"rolled_back": True}, "the old version is back in use; `ingest reembed --discard` drops the other")
        return 0
    if finish or discard:
        dropped = pipeline.finish(discard=discard)
        screen.done({"dropped": dropped}, f"{dropped} is dropped")
        return 0
    report = pipeline.reembed(_approval(pipeline, screen, yes=yes, max_cost=max_cost))
    screen.run_report(report)
    return 1 if report.failures else 0


@command("provider", "deployment")
def search(
    pipeline: "Pipeline",
    screen: "Screen",
    text: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many passages.")] = 5,
    hybrid: Annotated[bool, typer.Option("--hybrid", help="By its words too, both lists fused into one.")] = False,
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL instead, for psql or your program.")] = False,
) -> None:
    """The passages nearest to a text, to see that it works."""
    if as_sql:
        screen.sql(pipeline.search_sql(text, limit, hybrid=hybrid))
        return
    screen.passages(pipeline.search(text, limit, hybrid=hybrid), text)


@command("provider", "deployment")
def export(
    pipeline: "Pipeline",
    screen: "Screen",
    folder: Annotated[Path, typer.Argument(help="Where the files go.", show_default=False)],
) -> None:
    """Write what waits in line as request files. Run them elsewhere; `ingest load FILE…` takes the results back."""
    screen.shards(pipeline.export(folder), folder)


@command()
def parquet(
    pipeline: "Pipeline",
    screen: "Screen",
    file: Annotated[Path, typer.Argument(help="The file; one that is there is replaced.", show_default=False)],
) -> None:
    """The corpus with its vectors as a Parquet file. One that you alone can read."""
    count = pipeline.parquet(file)
    screen.done({"file": str(file), "passages": count}, f"{count:,} passages are in {file}")


@command("provider")
def doctor(pipeline: "Pipeline", screen: "Screen") -> int:
    """Check settings, database, extension, provider. Says what to mend."""
    from ingest.doctor import examine

    checks = examine(pipeline)
    screen.checks(checks)
    return next((check.exit_status for check in checks if not check.ok), 0)


@command("metrics_port")
def webhook(
    pipeline: "Pipeline",
    screen: "Screen",
    host: Annotated[str, typer.Option(help="Its address; another is for containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0: any that is free.")] = 8090,
) -> None:
    """Take OpenAI's webhooks: runs hear when batches end. For all corpora of the database."""
    pipeline.serve_webhooks(host, port, lambda url: screen.done({"url": url}, url))


@app.command()
def emulator(
    folder: Annotated[Path, typer.Option(help="Where its files and its ledger live.")] = Path("emulator"),
    host: Annotated[str, typer.Option(help="Its address; another is for containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0: any that is free.")] = 8080,
    latency: Annotated[float, typer.Option(help="Seconds that a batch spends before it is worked on.")] = 0.0,
    fault: Annotated[list[str] | None, typer.Option(help="NAME[:RATE[:COUNT[:AFTER[:SECONDS]]]]; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="What decides where faults strike.")] = 0,
    dialect: Annotated[str, typer.Option(help="Whose ways it has: openai, azure, …")] = "openai",
    webhook_url: Annotated[
        str | None, typer.Option(help="Is told of batches that end, signed with OPENAI_WEBHOOK_SECRET.")
    ] = None,
) -> None:
    """A local Files, Batches and Embeddings server. Its key is OPENAI_API_KEY, or made and told."""
    from ingest.rendering import Screen

    screen = Screen()

    def serve() -> None:
        from ingest.emulator import DIALECTS, Fault, webhook_of
        from ingest.emulator import serve as serve_emulator

        if dialect not in DIALECTS:
            raise UsageError(f"there is no dialect {dialect!r}: choose one of {', '.join(DIALECTS)}.")
        spoken = DIALECTS[dialect]
        key = os.environ.get("OPENAI_API_KEY") or None
        serve_emulator(
            folder,
            host=host,
            port=port,
            api_key=key,
            faults=[*spoken.oddities, *(Fault.parse(text) for text in fault or ())],
            seed=seed,
            latency_s=latency,
            limits=spoken.limits,
            webhook=webhook_of(webhook_url),
            ready=functools.partial(screen.emulator, made_key=key is None),
        )

    _exit(screen, serve)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ingest {version('pgvector-ingest')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The program `ingest`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like Ctrl-C: resumable, no orphan server
    sys.unraisablehook = _interrupt_again
    app()


def _interrupt_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Python drops an interrupt that comes while it ends an import or a finaliser runs: let that one come again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident or 0
        threading.Timer(0.01, signal.pthread_kill, [main_thread, signal.SIGINT]).start()
    else:
        sys.__unraisablehook__(unraisable)
