"""Processes that can be killed, in a few milliseconds each: forked from one that has everything imported."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
import sys
import time
from functools import cache
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openai._utils._logs import setup_logging

import ingest.chunker.tokens
import ingest.cli
import ingest.pipeline
import ingest.provider.answers
import ingest.provider.openai
import ingest.sources.tables
from ingest.errors import IngestError
from ingest.failpoints import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from ingest.pipeline import Pipeline

KILLED = -9
_TIMEOUT_S = 120
# Read once, here: the vocabulary, and whom TLS trusts.
ingest.chunker.tokens.tokenizer("cl100k_base")
ingest.provider.answers.CheckedClient().close()
gc.freeze()  # what is imported: no process that is forked need copy it to look for garbage


@cache
def _context() -> ForkServerContext:
    """Where such processes come from: a server that has imported this module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent), before)))
    ensure_running()  # it finds this module by that, and keeps it
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context


def work(verb: str, flags: Mapping[str, Any], paths: list[str], failpoint: str | None, quiet: bool = True) -> None:
    """Do what one command does, in a process of its own; its exit status."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # though whoever started the tests ignores it
    if failpoint:
        os.environ[VARIABLE] = failpoint
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    from ingest.settings import load_settings

    try:
        with ingest.pipeline.Pipeline(load_settings(flags)) as pipeline:
            _VERBS[verb](pipeline, paths)
    except IngestError as error:
        print(f"{verb}: {error}", file=sys.stderr)  # noqa: T201 - what a failing test shows
        sys.exit(error.exit_status)


def advance_to_the_end(pipeline: Pipeline, paths: list[str]) -> None:
    """Round after round, each by a pipeline of its own, as a scheduler would."""
    while True:
        with ingest.pipeline.Pipeline(pipeline.settings) as one:
            done = one.advance(paths)
        if done.done:
            return
        time.sleep(min(done.look_again_s, 0.1))


ARTICLES = ingest.sources.tables.Table("app.articles", text="body", into="embedding")
_VERBS: dict[str, Callable[[Pipeline, list[str]], object]] = {
    "run": lambda pipeline, paths: pipeline.run(paths),
    "advance": advance_to_the_end,
    "sync": lambda pipeline, paths: pipeline.sync(paths),
    "submit": lambda pipeline, _: pipeline.submit(),
    "load": lambda pipeline, _: pipeline.load(),
    "cancel": lambda pipeline, _: pipeline.cancel(),
    "clean": lambda pipeline, _: pipeline.clean(),
    "reembed": lambda pipeline, _: pipeline.reembed(),
    "retry": lambda pipeline, _: pipeline.retry(),
    "index": lambda pipeline, _: pipeline.index(),
    "roll_back": lambda pipeline, _: pipeline.roll_back(),
    "finish": lambda pipeline, _: pipeline.finish(),
    "search": lambda pipeline, _: pipeline.search("what is asked now and then"),
    "fill": lambda pipeline, _: pipeline.run(
        ingest.sources.tables.Table("app.articles", text="body", into="embedding")
    ),
}


def command(arguments: list[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> None:
    """Be the program `ingest`, in a process of its own that knows this environment and this folder."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.stdout, sys.stderr = open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    setup_logging()  # as `openai` does when it is imported, by OPENAI_LOG
    sys.argv = ["ingest", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ingest.cli.main()
    finally:
        atexit._run_exitfuncs()  # those that a fork leaves out


def start_command(
    arguments: list[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
) -> ForkServerProcess:
    """Begin the program in a process of its own; what it prints goes into files."""
    process = _context().Process(target=command, args=(arguments, environment, folder, out, err))
    process.start()
    return process


def start(
    verb: str, flags: Mapping[str, Any], paths: list[str], failpoint: str | None = None, *, quiet: bool = False
) -> ForkServerProcess:
    """Begin a command in a process of its own."""
    process = _context().Process(target=work, args=(verb, flags, paths, failpoint, quiet))
    process.start()
    return process


def outcome(process: ForkServerProcess) -> int:
    """The exit status; -9 when it was killed."""
    process.join(_TIMEOUT_S)
    assert process.exitcode is not None, "it never ended"
    return process.exitcode
