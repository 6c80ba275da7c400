"""Requests into files under the limits of the Batch API."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest, sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from ingest.batches.records import OUR_NAME, new_key, open_batches, sending
from ingest.database.identity import noted_origin
from ingest.database.locks import corpus_lock
from ingest.database.statements import statement
from ingest.errors import UnreachableError
from ingest.failpoints import reach
from ingest.folders import private_folder
from ingest.model import embedded_text

if TYPE_CHECKING:
    from ingest.batches.records import Batch
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Parameters, Wire
    from ingest.settings import Settings
    from ingest.telemetry import Progress

_FETCHED_ROWS = 1000
# Our own server embeds one shard while the next is written and the last one is loaded.
_LOCAL_SHARD_REQUESTS = 4_000


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What goes into a shard, and when it is full.

    Limits: requests, bytes and tokens of one file.
    """

    indexing: Indexing
    wire: Wire
    parameters: Parameters
    endpoint: str
    max_requests: int
    max_bytes: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A written file of requests."""

    path: Path
    request_count: int
    token_count: int
    byte_count: int


def shard_plan(
    indexing: Indexing,
    settings: Settings,
    wire: Wire,
    endpoint: str,
    most_tokens: int | None,
    *,
    is_local: bool = False,
) -> ShardPlan:
    """What goes into a shard; `most_tokens`: that the provider takes of one, by our count."""
    most_requests = min(settings.max_batch_requests, wire.max_requests)
    if is_local:
        most_requests = min(most_requests, _LOCAL_SHARD_REQUESTS)
    return ShardPlan(
        indexing=indexing,
        wire=wire,
        parameters=indexing.parameters(wire, "document", settings.deployment, settings.encoding_format),
        endpoint=endpoint,
        max_requests=most_requests,
        max_bytes=min(settings.max_batch_bytes, wire.max_bytes),
        max_tokens=min(most_tokens or settings.max_batch_tokens, settings.max_batch_tokens),
    )


def write_shards(
    connection: Connection,
    corpus: str,
    folder: Path,
    plan: ShardPlan,
    progress: Progress,
    *,
    state: str,
) -> list[Shard]:
    """Write all that waits into shard files, each with its batch in `state`."""
    shards: list[Shard] = []
    row = connection.execute(statement("count_waiting_requests")).fetchone()
    with progress.stage("writing requests", unit="requests", total=row[0] if row else 0) as bar:
        while shard := write_shard(connection, corpus, folder, plan, state=state):
            shards.append(shard)
            bar.advance(shard.request_count)
    return shards


def write_shard(
    connection: Connection, corpus: str, folder: Path, plan: ShardPlan, *, state: str = "ready"
) -> Shard | None:
    """Write the next of what waits into a shard file, with its batch in `state`; None where nothing waits.

    One process at a time. The file stands under its name before the transaction commits that counts on it; a file that
    no batch counts on is left from a stop, and removed.
    """
    make_folder(folder)
    with corpus_lock(connection, corpus, "shards"):
        return _write_shard(connection, folder, plan, state)


def remove_orphans(connection: Connection, corpus: str, folder: Path) -> None:
    """Remove shard files, and what was downloaded beside them, that no open batch counts on."""
    with corpus_lock(connection, corpus, "shards"):
        wanted = tuple(
            name.removesuffix(".jsonl")
            for batch in open_batches(connection)
            for name in (batch.key, Path(batch.shard_path).name)
        )
        for path in folder.glob("*.jsonl*"):
            if OUR_NAME.match(path.name) and not path.name.startswith(wanted):
                path.unlink(missing_ok=True)


def shard_file(connection: Connection, batch: Batch, folder: Path, plan: ShardPlan) -> Path | None:
    """A batch's shard file, as it was written: where it is damaged or on another machine, it is written again.

    None where that cannot be done, because its texts have changed or are sent otherwise now.
    """
    path = Path(batch.shard_path)
    if _digest(path) == batch.shard_sha256:
        return path
    path = folder / f"{batch.key}.jsonl"
    if _digest(path) == batch.shard_sha256:
        return path
    make_folder(folder)
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
    write_line = plan.wire.writer(plan.parameters)
    try:
        with (
            connection.transaction(),
            connection.cursor(name="shard_requests") as rows,
            _private(unfinished) as file,
        ):
            rows.itersize = _FETCHED_ROWS
            rows.execute(statement("select_shard_requests"), {"batch_id": batch.id})
            for chunk_id, text_hash, _, content, headings, depth, table_header in rows:
                custom_id = plan.indexing.custom_id(chunk_id, text_hash)
                file.write(write_line(custom_id, embedded_text(headings, depth, content, table_header)))
        if _digest(unfinished) != batch.shard_sha256:
            return None
        unfinished.replace(path)
    except OSError as error:
        raise _unwritable(unfinished, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def make_folder(folder: Path) -> None:
    """The folder of shard files and downloads, for us alone.

    Raises:
        UnreachableError: it cannot be made.
    """
    try:
        private_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _digest(path: Path) -> bytes | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").digest()
    except OSError:
        return None


def _private(path: Path) -> BinaryIO:
    """A new file that only we can read: it holds the corpus's text."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: PTH123


def _unwritable(path: Path, error: OSError) -> UnreachableError:
    return UnreachableError(
        f"{path} cannot be written: {error.strerror}. Nothing is lost: fix it, then run the same command again."
    )


def _write_shard(connection: Connection, folder: Path, plan: ShardPlan, state: str) -> Shard | None:
    key = new_key()
    path = folder / f"{key}.jsonl"
    unfinished = folder / f"{key}.jsonl.part"
    write_line = plan.wire.writer(plan.parameters)
    chunk_ids: list[int] = []
    token_count = byte_count = 0
    digest = sha256()
    try:
        with ExitStack() as opened:
            opened.enter_context(sending(connection))
            rows = opened.enter_context(connection.cursor(name="waiting_requests"))
            rows.itersize = _FETCHED_ROWS
            rows.execute(statement("select_waiting_requests"))
            waiting = iter(rows)
            first = next(waiting, None)
            if first is None:
                return None
            file = opened.enter_context(_private(unfinished))
            for chunk_id, text_hash, tokens, content, headings, depth, table_header in chain([first], waiting):
                custom_id = plan.indexing.custom_id(chunk_id, text_hash)
                line = write_line(custom_id, embedded_text(headings, depth, content, table_header))
                full = (
                    len(chunk_ids) >= plan.max_requests
                    or byte_count + len(line) > plan.max_bytes
                    or token_count + tokens > plan.max_tokens
                )
                if full and chunk_ids:
                    break
                file.write(line)
                digest.update(line)
                chunk_ids.append(chunk_id)
                byte_count += len(line)
                token_count += tokens
            file.flush()
            os.fsync(file.fileno())
            reach("shard-written")
            unfinished.rename(path)
            reach("shard-renamed")
            row = connection.execute(
                statement("insert_batch"),
                {
                    "key": key,
                    "state": state,
                    "model": plan.indexing.model,
                    "dimensions": plan.indexing.dimensions,
                    "endpoint": plan.endpoint,
                    "shard_path": str(path),
                    "shard_sha256": digest.digest(),
                    "request_count": len(chunk_ids),
                    "token_count": token_count,
                    "byte_count": byte_count,
                    "sent_from": noted_origin(connection),
                },
            ).fetchone()
            connection.execute(statement("assign_requests"), {"batch_id": row and row[0], "chunk_ids": chunk_ids})
            reach("shard-before-commit")
    except OSError as error:
        raise _unwritable(unfinished, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    reach("shard-after-commit")
    return Shard(path, len(chunk_ids), token_count, byte_count)
