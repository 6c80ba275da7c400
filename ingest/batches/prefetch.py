"""The files of finished batches, fetched one batch ahead: while one is loaded, those of the next come in."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from ingest.batches.downloads import download
from ingest.batches.records import output_file, read_batch
from ingest.database.locks import try_batch_lock
from ingest.provider import ResultMissingError
from ingest.provider.jsonl import WIRE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.provider import Provider, Wire

    Done = TypeVar("Done")


class Fetched(NamedTuple):
    """A batch's files on the disk; and what the provider says of one that is not there."""

    paths: list[Path]
    gone: str | None
    wire: Wire


# What waits until the files are there. It raises what went wrong.
Fetching: TypeAlias = "Callable[[], Fetched]"


def fetched_ahead(
    connection: Connection, corpus: str, provider: Provider, batches: Iterable[Batch], folder: Path
) -> Generator[tuple[Batch, Fetching], None, None]:
    """The finished batches that no other process has, each held until the end, with its files being downloaded."""
    with ExitStack() as locks:
        before = None
        for batch in batches:
            held = locks.enter_context(try_batch_lock(connection, corpus, batch.id))
            now = read_batch(connection, batch.id)
            if not held or now.state != "finished" or now.waiting:
                continue
            begun = batch, _beside(partial(fetch, provider, batch, folder))
            if before:
                yield before
            before = begun
        if before:
            yield before


def fetch(provider: Provider, batch: Batch, folder: Path) -> Fetched:
    """Download what a batch made; what was answered while we wait is there already.

    Raises:
        UnreachableError: it cannot be fetched.
    """
    if batch.mode == "sync":
        return Fetched([output_file(folder, batch)], None, WIRE)
    paths: list[Path] = []
    gone = None
    # The provider counts what it completed: those are the lines of its output file, and the others of its error file,
    # but for those that it never came to.
    done = batch.provider_completed
    for kind, file_id, lines, most_lines in (
        ("output", batch.output_file_id, done, done or batch.request_count),
        ("error", batch.error_file_id, 0, batch.request_count - done),
    ):
        if file_id:
            path = folder / f"{batch.key}.jsonl.{kind}"
            try:
                download(provider, file_id, path, lines=lines, most_lines=most_lines)
                paths.append(path)
            except ResultMissingError as error:
                gone = str(error)
    return Fetched(paths, gone, provider.wire)


def _beside(work: Callable[[], Done]) -> Callable[[], Done]:
    """Begin work on a thread; what is returned waits for its outcome."""
    future: Future[Done] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    # A daemon: an interrupt need not wait for a download. What is left of one is removed with the next run.
    threading.Thread(target=run, name="fetching", daemon=True).start()
    return future.result
