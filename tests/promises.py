"""The promises, asked of the database, the disk and the provider's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.emulator import hash_vectors
from ingest.model import embedded_text

if TYPE_CHECKING:
    from workshop import Workshop

MODEL = "text-embedding-3-small"
# Three shards of a few small texts; short grace times.
CORPUS_FLAGS: dict[str, Any] = {
    "dimensions": 8,
    "max_batch_requests": 4,
    "chunk_tokens": 32,
    "list_lag_seconds": 0.5,
    "refused_wait_seconds": 0.2,
    "poll_seconds": 0.1,
}


def write_corpus(workshop: Workshop, documents: int = 11) -> None:
    """Documents of one chunk each, no two alike."""
    for number in range(documents):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")


def check_promises(workshop: Workshop, *, failed: int = 0) -> None:
    """Nothing is lost but what is listed, no vector is on a wrong text, nothing was paid twice, nothing lies about."""
    rows = workshop.query("SELECT content, headings, context_headings, embedding::text FROM chunks ORDER BY id")
    wrong, missing = judge(rows)
    ledger = workshop.emulator.ledger()

    assert (wrong, missing) == (0, failed)
    assert ledger["billed_more_than_once"] == []
    assert ledger["texts"] == len({text_of(row) for row in rows}) - failed
    billed = workshop.query("SELECT sum(estimated_tokens)::bigint, sum(billed_tokens)::bigint FROM ledger")
    assert billed == [(ledger["tokens"], ledger["tokens"])]
    assert workshop.query("SELECT count(*), count(*) FILTER (WHERE failed) FROM requests") == [(failed, failed)]
    assert workshop.query("SELECT count(*) FROM batches WHERE state <> 'done'") == [(0,)]
    assert sorted(path.name for path in workshop.data_dir.rglob("*.jsonl*")) == []


def judge(rows: list[tuple[Any, ...]], dimensions: int = 8) -> tuple[int, int]:
    """How many vectors are not those of their texts, and how many are missing; rows as `check_promises` reads them."""
    stored = [row for row in rows if row[3] is not None]
    if not stored:
        return 0, len(rows)
    expected = hash_vectors([text_of(row) for row in stored], MODEL, dimensions)
    actual = np.array([[float(number) for number in row[3][1:-1].split(",")] for row in stored])
    wrong = int((~np.isclose(actual, expected, atol=1e-6).all(axis=1)).sum())
    return wrong, len(rows) - len(stored)


def text_of(row: tuple[Any, ...]) -> str:
    """The text that was sent for a chunk."""
    content, headings, depth, *_ = row
    return embedded_text(headings, depth, content)
