"""Result files that come after their batch was given up, or with lines that could not be read: asked for again.

Their texts were paid. So before anything is sent, and by `load` and `retry` as well, the provider is asked once more:
that is free. So it is as long as the provider keeps them, or until a file that has results was read twice.
"""

from __future__ import annotations

from io import BufferedReader, FileIO
from typing import TYPE_CHECKING

from ingest.batches.backoff import DiskError
from ingest.batches.origin import is_left_to_another
from ingest.batches.prefetch import fetch
from ingest.batches.reconcile import LoadReport, Reconciling, Retries
from ingest.batches.records import read_batch
from ingest.database.locks import shared_books, try_batch_lock
from ingest.database.statements import statement
from ingest.errors import UnreachableError, UsageError
from ingest.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Provider

KEPT_DAYS = 30  # result files at OpenAI, after the batch has ended (Batch API guide)
_READ_BYTES = 1_000_000


def late_batches(connection: Connection, endpoint: str) -> list[int]:
    """The batches there that were given up, and whose files may still come."""
    rows = connection.execute(statement("list_late_batches"), {"endpoint": endpoint, "kept_days": KEPT_DAYS})
    return [row[0] for row in rows]


def due_batches(connection: Connection, endpoint: str) -> list[int]:
    """Those of them whose texts would be sent again now."""
    rows = connection.execute(statement("list_due_late_batches"), {"endpoint": endpoint, "kept_days": KEPT_DAYS})
    return [row[0] for row in rows]


def load_late(
    connection: Connection,
    corpus: str,
    provider: Provider,
    indexing: Indexing,
    folder: Path,
    retries: Retries,
    batch_ids: Sequence[int],
) -> LoadReport:
    """Load what came late of these, each batch in one transaction; what is not there yet the next run asks for."""
    report = LoadReport()
    for batch_id in batch_ids:
        with try_batch_lock(connection, corpus, batch_id) as held:
            if not held:
                continue
            try:
                batch = _named(connection, provider, read_batch(connection, batch_id))
                loaded = _load(connection, corpus, indexing, batch, provider, folder, retries) if batch else None
            except DiskError:
                raise
            except (UnreachableError, UsageError):  # of this one, or of all
                provider.check()
                continue
            if loaded and (loaded.loaded or loaded.failed or loaded.waiting_again):
                loaded.batches = 1
                loaded.notes.append(
                    f"batch {batch_id}: its result file came late, and is loaded: {loaded.loaded:,} texts, paid already"
                )
            if loaded:
                report.add(loaded)
    return report


def _named(connection: Connection, provider: Provider, batch: Batch) -> Batch | None:
    """The batch with the files that the provider names for it by now; None where there are none."""
    if batch.output_file_id or batch.provider_batch_id is None:
        return batch
    remote = provider.retrieve_batch(batch.provider_batch_id)
    if remote is None or not remote.is_terminal or not (remote.output_file_id or remote.error_file_id):
        return None
    connection.execute(
        statement("name_late_files"),
        {
            "id": batch.id,
            "output_file_id": remote.output_file_id,
            "error_file_id": remote.error_file_id,
            "completed": remote.completed,
            "reported_tokens": remote.billed_tokens,
        },
    )
    return read_batch(connection, batch.id)


def _load(
    connection: Connection,
    corpus: str,
    indexing: Indexing,
    batch: Batch,
    provider: Provider,
    folder: Path,
    retries: Retries,
) -> LoadReport:
    paths, gone, wire = fetch(provider, batch, folder)
    is_whole = gone is None and (batch.output_file_id is not None or not batch.provider_completed)
    try:
        with connection.transaction():
            shared_books(connection, corpus)
            reconciling = Reconciling(connection, indexing)
            rows = connection.execute(statement("select_late_requests"), {"batch_id": batch.id}, binary=True).fetchall()
            reconciling.expect([(chunk_id, text_hash) for chunk_id, text_hash, _ in rows])
            had_results = connection.execute(statement("has_results"), {"batch_id": batch.id}).fetchone() == (True,)
            for path in paths:
                with BufferedReader(FileIO(path), _READ_BYTES) as file:
                    reconciling.read(file, wire)
            is_whole = is_whole and (had_results or not reconciling.is_unreadable)
            if batch.cancel_asked:
                reconciling.forgive("batch_cancelled")
            of_another = is_left_to_another(connection, batch)
            if of_another:
                reconciling.hold()
            missed, early = _without_a_line(rows, reconciling.unanswered)
            is_over = is_whole and not of_another  # of these it is remembered that the other database sends them again
            if is_over:
                reconciling.presume_billed(missed)
            report = reconciling.reconcile(retries)
            if is_over:
                connection.execute(statement("forget_late"), {"batch_id": batch.id, "early": early})
                if missed:
                    report.notes.append(
                        f"batch {batch.id}: its result file was asked for again, and has no line that can be read for "
                        f"{len(missed):,} texts: what was billed for them is paid again when they are sent again"
                    )
            reach("load-before-commit")
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    report.files = len(paths)
    if had_results:  # they were told of when it was read first
        report.unknown = report.malformed = 0
    return report


def _without_a_line(rows: Sequence[tuple[int, bytes, bool]], unanswered: set[int]) -> tuple[list[int], list[int]]:
    """The requests that the file does not answer: those for which this look is the last, and those looked at early."""
    missed: dict[bool, list[int]] = {True: [], False: []}
    for chunk_id, _, is_last_look in rows:
        if chunk_id in unanswered:
            missed[is_last_look].append(chunk_id)
    return missed[True], missed[False]
