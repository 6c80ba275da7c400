"""Requests into files under the limits of the Batch API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.database.locks import corpus_lock
from ingest.database.statements import statement
from ingest.errors import UnreachableError
from ingest.jsonl import RequestWriter, make_custom_id
from ingest.model import embedded_text

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.progress import Bar, Progress

_FETCHED_ROWS = 1000


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What goes into a shard, and when it is full.

    Limits: requests, bytes and tokens of one file.
    """

    indexing: Indexing
    encoding_format: str
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


def write_shards(
    connection: Connection,
    corpus: str,
    folder: Path,
    plan: ShardPlan,
    progress: Progress,
    *,
    state: str = "ready",
) -> list[Shard]:
    """Write what waits in line into shard files, each with its batch in `state`; one process at a time.

    A file stands under its name before the transaction commits that counts on it; a file that no batch counts on is
    left from a stop, and removed.
    """
    shards: list[Shard] = []
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with corpus_lock(connection, corpus, "shards"):
        row = connection.execute(statement("count_waiting_requests")).fetchone()
        waiting = row[0] if row else 0
        if not waiting:
            return shards
        with progress.stage("writing requests", unit="requests", total=waiting) as bar:
            while shard := _write_shard(connection, folder, plan, state, bar):
                shards.append(shard)
    return shards


def remove_orphans(connection: Connection, corpus: str, folder: Path) -> None:
    """Remove shard files that no open batch counts on."""
    with corpus_lock(connection, corpus, "shards"):
        wanted = {row[5] for row in connection.execute(statement("list_open_batches"))}
        for path in folder.glob("*.jsonl*"):
            if not any(str(path).startswith(shard_path) for shard_path in wanted):
                path.unlink(missing_ok=True)


def _write_shard(connection: Connection, folder: Path, plan: ShardPlan, state: str, bar: Bar) -> Shard | None:
    """The next shard; None where nothing waits."""
    key = f"ingest-{uuid4().hex}"
    path = folder / f"{key}.jsonl"
    unfinished = folder / f"{key}.jsonl.part"
    model, dimensions = plan.indexing.model, plan.indexing.dimensions
    writer = RequestWriter(model, plan.indexing.sent_dimensions, plan.encoding_format)
    chunk_ids: list[int] = []
    token_count = byte_count = 0
    digest = sha256()
    try:
        with (
            connection.transaction(),
            connection.cursor(name="waiting_requests") as rows,
            open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,  # noqa: PTH123
        ):
            rows.itersize = _FETCHED_ROWS
            rows.execute(statement("select_waiting_requests"))
            for chunk_id, text_hash, tokens, content, headings, context_headings in rows:
                custom_id = make_custom_id(chunk_id, text_hash, model, dimensions)
                line = writer.line(custom_id, embedded_text(headings, context_headings, content))
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
            if not chunk_ids:
                return None
            file.flush()
            os.fsync(file.fileno())
            unfinished.rename(path)
            row = connection.execute(
                statement("insert_batch"),
                {
                    "key": key,
                    "state": state,
                    "model": model,
                    "dimensions": dimensions,
                    "endpoint": plan.endpoint,
                    "shard_path": str(path),
                    "shard_sha256": digest.digest(),
                    "request_count": len(chunk_ids),
                    "token_count": token_count,
                    "byte_count": byte_count,
                },
            ).fetchone()
            connection.execute(statement("assign_requests"), {"batch_id": row and row[0], "chunk_ids": chunk_ids})
    except OSError as error:
        raise UnreachableError(
            f"the shard file {unfinished} cannot be written: {error.strerror}. Nothing is lost: mend it, then run the "
            "same command again."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    bar.advance(len(chunk_ids))
    return Shard(path, len(chunk_ids), token_count, byte_count)
