"""Result files into the column: one transaction for all that a batch brought, with its done mark."""

from __future__ import annotations

from hashlib import file_digest
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.batches.backoff import was_given_time
from ingest.batches.origin import is_foreign, is_left_to_another
from ingest.batches.reconcile import LoadReport, Reconciling, Retries
from ingest.batches.records import named_files, read_batch
from ingest.batches.unanswered import faulty_requests, why_unanswered
from ingest.database.locks import shared_books, try_batch_lock
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.provider import BatchFault, ResultMissingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.batches.prefetch import Fetched, Fetching
    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Wire

_READ_BYTES = 1_000_000  # a line of 8 to 20 kB is longer than what is read at once otherwise


def load_batch(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    batch: Batch,
    fetching: Fetching,
    folder: Path,
    retries: Retries,
) -> LoadReport:
    """Load what a finished batch made, whatever its status; reconcile each of its requests. `folder`: of its files.

    Every request ends as loaded, failed for good with the provider's words, or waiting again. Two processes may call
    this for one batch: the second finds it done, or held by the first, and loads nothing.

    Raises:
        UnreachableError: the files cannot be fetched, or one is not there, or not readable, and was not given time;
            nothing is loaded.
    """
    with try_batch_lock(connection, corpus, batch.id) as held:
        now = read_batch(connection, batch.id)
        if not held or now.state != "finished":
            return LoadReport()
        fetched = fetching()
        if fetched.gone and not was_given_time(now, fetched.gone):
            raise ResultMissingError(fetched.gone)
        with connection.transaction():
            report = _load_files(connection, corpus, indexing, now, fetched, retries)
            reach("load-before-commit")
    reach("load-after-commit")
    # With what an earlier process that was killed left of its downloads.
    shard = [] if is_foreign(connection, batch) else [Path(batch.shard_path)]
    for path in (*folder.glob(f"{batch.key}.jsonl*"), *shard):
        path.unlink(missing_ok=True)
        reach("load-file-removed")
    return report


def _load_files(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    batch: Batch,
    fetched: Fetched,
    retries: Retries,
) -> LoadReport:
    """One transaction's work: all that a batch brought, and its done mark."""
    shared_books(connection, corpus)
    row = connection.execute(statement("lock_batch"), {"id": batch.id}).fetchone()
    if row is None or row[0] != "finished":
        return LoadReport()
    reach("load-began")
    reconciling = Reconciling(connection, indexing)
    requests = connection.execute(statement("select_batch_requests"), {"batch_id": batch.id}, binary=True).fetchall()
    reconciling.expect(requests)
    faults = [BatchFault(*fault) for fault in row[1] or ()]
    faulty = faulty_requests(faults, sorted(chunk_id for chunk_id, _ in requests), batch)
    reconciling.refuse(faulty)
    gone = fetched.gone
    for path in fetched.paths:
        with BufferedReader(FileIO(path), _READ_BYTES) as file:
            reconciling.read(file, fetched.wire)
    if reconciling.is_unreadable and not faulty and len(requests) == batch.request_count and batch.mode == "batch":
        gone = f"no result of this batch stands in the provider's {named_files(batch)}"
        if not was_given_time(batch, gone):
            raise ResultMissingError(gone)
    failure = why_unanswered(batch, faults, gone, isolated=bool(faulty), unreadable=reconciling.unreadable_lines)
    reconciling.give_up_missing(failure)
    if batch.cancel_asked:
        reconciling.forgive("batch_cancelled")
    if is_left_to_another(connection, batch):
        reconciling.hold()
    report = reconciling.reconcile(retries, batch.id)
    connection.execute(
        statement("finish_batch"), {"id": batch.id, "loaded": report.loaded, "failed": report.failed, "message": None}
    )
    report.batches, report.files = 1, len(fetched.paths)
    return report


def load_file(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    path: Path,
    wire: Wire,
    retries: Retries,
    advance: Callable[[int], None],
) -> LoadReport:
    """Load an output or error file that was fetched by hand; it leaves `FILE.done`. `wire`: how its lines look.

    Only lines that answer a request of this corpus, for this text, model and dimensions, are taken. A file that was
    loaded before changes nothing.

    Raises:
        UsageError: there is no such regular file, or nothing in it is for this corpus.
    """
    if path.exists() and not path.is_file():  # a pipe cannot be read twice, a device has no end
        raise UsageError(f"{path} is not a regular file: give the file itself.")
    try:
        with BufferedReader(FileIO(path), _READ_BYTES) as file:
            digest = file_digest(file, "sha256").digest()
            file.seek(0)
            with connection.transaction():
                shared_books(connection, corpus)
                if connection.execute(statement("find_loaded_file"), {"sha256": digest}).fetchone():
                    report = LoadReport(notes=[f"{path} was loaded before: nothing to do."])
                else:
                    reconciling = Reconciling(connection, indexing, advance)
                    reconciling.read(file, wire, lookup=True)
                    report = reconciling.reconcile(retries)
                    if not report.loaded and not report.failed and not report.waiting_again:
                        raise UsageError(_nothing_for_us(path, report))
                    connection.execute(
                        statement("insert_loaded_file"),
                        {
                            "sha256": digest,
                            "name": path.name.encode(errors="replace").decode(),
                            "loaded": report.loaded,
                        },
                    )
                    connection.execute(statement("finish_loaded_batches"))
        path.with_name(path.name + ".done").touch(mode=0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    report.files = 1
    return report


def _nothing_for_us(path: Path, report: LoadReport) -> str:
    return (
        f"{path} holds nothing that this corpus waits for ({report.unknown} results of other texts or loaded "
        f"already, {report.malformed} lines that are no results): check --corpus, and that this is an output or "
        "error file of a batch."
    )
