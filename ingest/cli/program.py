"""The program `ingest`: its commands in their order, and how it begins."""

import gc
import signal
import sys
import threading
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ingest import crash_reports
from ingest.cli import batches, beginning, evaluating, keeping, reports, runs, servers, vectors

# click's UsageError: typer brings a click of its own along, and does not name that.
_WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]


class _Commands(TyperGroup):
    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # as below
        """Which command is meant: of two words, where there is such a one."""
        two = " ".join(args[:2])
        return super().resolve_command(ctx, [two, *args[2:]] if two in self.commands else args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # the context of typer's own click
        """Run a command; one that is called wrongly says so as it would say any other error, by --json too."""
        try:
            return super().invoke(ctx)
        except _WrongUsage as error:
            if "--json" in sys.argv:
                from ingest.terminal.screen import Screen

                Screen(ctx.invoked_subcommand or "", as_json=True).wrong_usage(str(error))
            raise


app = typer.Typer(
    name="ingest",
    cls=_Commands,
    help="Embed a corpus through the OpenAI Batch API and bulk-load the vectors into pgvector.",
    epilog="Exit status: 0 done, 1 some records failed, 2 wrong usage or settings, 3 database or provider out of "
    "reach, 4 stopped by a budget, 5 one round done and more to come (advance), 70 a fault of this program, 130 "
    "interrupted or stopped by another command. Run the same command again to resume.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help is plain text: with boxes it takes twice as long
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _verb in (
    beginning.init,
    runs.run,
    runs.advance,
    runs.sync,
    runs.estimate,
    batches.submit,
    reports.status,
    reports.cost,
    reports.report,
    batches.load,
    batches.retry,
    batches.cancel,
    batches.clean,
    keeping.list_,
    keeping.remove,
    keeping.drop,
    vectors.index,
    runs.reembed,
    vectors.search,
    evaluating.eval_,
    evaluating.eval_init,
    batches.export,
    vectors.parquet,
    reports.models,
    reports.doctor,
    servers.webhook,
    servers.mcp,
    servers.emulator,
):
    app.command(name=_verb.__name__.rstrip("_").replace("_", " "))(_verb)


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


# What is imported stays, and to look for garbage among it after each 700 objects takes a tenth of a command.
_ALLOCATED = 50_000


def main() -> None:
    """The program `ingest`."""
    gc.set_threshold(_ALLOCATED)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like Ctrl-C: resumable, no orphan server
    sys.unraisablehook = _interrupt_again
    try:
        app()
    except Exception as error:  # noqa: BLE001 - before a command began: it may not even be able to say it nicely
        sys.exit(crash_reports.last_words(error))
    finally:
        gc.freeze()  # nothing is looked for once more in an interpreter that ends: a tenth of a command


_AGAIN_S = 0.1  # after which we are out of where it is dropped


def _interrupt_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Python drops an interrupt that comes while it ends an import or a finaliser runs: let that one come again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident or 0
        while True:
            try:
                threading.Timer(_AGAIN_S, signal.pthread_kill, [main_thread, signal.SIGINT]).start()
            except KeyboardInterrupt:  # it came before we were out of here, where it would be dropped as well
                continue
            return
    else:
        sys.__unraisablehook__(unraisable)
