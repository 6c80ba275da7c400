"""Result files into the column: one transaction for all that a batch brought, with its done mark."""

from __future__ import annotations

from hashlib import file_digest
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.batches import read_batch
from ingest.database.locks import shared_books, try_batch_lock
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.provider import BatchFault
from ingest.settling import LoadReport, Retries, Settling, storable
from ingest.verdicts import faulty_requests, why_unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.batches import Batch
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.prefetch import Fetching

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
    """Load what a finished batch made, whatever its status; settle each of its requests. `folder`: of its files.

    Every request ends as loaded, failed for good with the provider's words, or back in line. Two processes may call
    this for one batch: the second finds it done, or held by the first, and loads nothing.

    Raises:
        UnreachableError: the files cannot be fetched; nothing is loaded.
    """
    with try_batch_lock(connection, corpus, batch.id) as held:
        if not held or read_batch(connection, batch.id).state != "finished":
            return LoadReport()
        paths, gone = fetching()
        with connection.transaction():
            report = _load_files(connection, corpus, indexing, batch, paths, gone, retries)
            reach("load-before-commit")
    reach("load-after-commit")
    # With what an earlier process that was killed left of its downloads.
    for path in (*folder.glob(f"{batch.key}.jsonl*"), Path(batch.shard_path)):
        path.unlink(missing_ok=True)
        reach("load-file-removed")
    return report


def _load_files(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    batch: Batch,
    paths: list[Path],
    gone: str | None,
    retries: Retries,
) -> LoadReport:
    """One transaction's work: all that a batch brought, and its done mark."""
    shared_books(connection, corpus)
    row = connection.execute(statement("lock_batch"), {"id": batch.id}).fetchone()
    if row is None or row[0] != "finished":
        return LoadReport()
    reach("load-began")
    settling = Settling(connection, indexing)
    requests = connection.execute(statement("select_batch_requests"), {"batch_id": batch.id}, binary=True).fetchall()
    settling.expect(requests)
    faults = [BatchFault(*fault) for fault in row[1] or ()]
    faulty = faulty_requests(faults, sorted(chunk_id for chunk_id, _ in requests), batch)
    settling.refuse(faulty)
    for path in paths:
        with BufferedReader(FileIO(path), _READ_BYTES) as file:
            settling.read(file)
    settling.give_up_missing(why_unanswered(batch, faults, gone, isolated=bool(faulty)))
    if batch.cancel_asked:
        settling.forgive("batch_cancelled")
    report = settling.settle(retries, batch.id)
    connection.execute(
        statement("finish_batch"), {"id": batch.id, "loaded": report.loaded, "failed": report.failed, "message": None}
    )
    report.batches, report.files = 1, len(paths)
    return report


def load_file(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    path: Path,
    retries: Retries,
    advance: Callable[[int], None],
) -> LoadReport:
    """Load an output or error file that was fetched by hand; it leaves `FILE.done`.

    Only lines that answer a request of this corpus, for this text, model and dimensions, are taken. A file that was
    loaded before changes nothing.

    Raises:
        UsageError: there is no such regular file, or nothing in it is for this corpus.
    """
    if path.exists() and not path.is_file():  # a pipe cannot be read twice, a device has no end
        raise UsageError(f"{path} is no regular file: give the file itself.")
    try:
        with BufferedReader(FileIO(path), _READ_BYTES) as file:
            digest = file_digest(file, "sha256").digest()
            file.seek(0)
            with connection.transaction():
                shared_books(connection, corpus)
                if connection.execute(statement("find_loaded_file"), {"sha256": digest}).fetchone():
                    report = LoadReport(notes=[f"{path} was loaded before: nothing to do."])
                else:
                    settling = Settling(connection, indexing, advance)
                    settling.read(file, lookup=True)
                    report = settling.settle(retries)
                    if not report.loaded and not report.failed and not report.back_in_line:
                        raise UsageError(_nothing_for_us(path, report))
                    connection.execute(
                        statement("insert_loaded_file"),
                        {"sha256": digest, "name": storable(path.name), "loaded": report.loaded},
                    )
                    connection.execute(statement("finish_exported_batches"))
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
