"""What a round did and what it leaves: small, and plain JSON, for what a scheduler keeps between two rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.batches import Entry


@dataclass(frozen=True, slots=True)
class RunTotals:
    """A run over all its rounds, by the ledger: texts that have their vector by it, tokens, US dollars.

    `billed` is None where the provider does not tell; `wasted_tokens`, of the billed ones, brought no vector.
    """

    began: str | None
    texts: int
    estimated_tokens: int
    estimated_dollars: float | None
    billed_tokens: int | None
    billed_dollars: float | None
    wasted_tokens: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of a run did to a corpus, and what it leaves.

    `done`: nothing waits and nothing is in flight, and the index is built where that pays. Else `batch_ids` are those
    whose end at the provider is waited for, by its names; `stuck` make no progress; and in `look_again_s` seconds there
    may be something to do. One whose results do not come is not among them: it is due in `due_s`.
    """

    corpus: str
    done: bool
    batch_ids: list[str]
    stuck: list[str]
    waiting_requests: int
    """Texts that are still to be sent: as room comes, or when their time has come."""
    sent_tokens: int
    """In this round, as `loaded` texts are."""
    loaded: int
    failed: int
    """Texts that failed for good, of all rounds: they wait for a person (`ingest status`)."""
    look_again_s: float
    due_s: float | None = None
    """In how many seconds the first text or batch is due of those that wait for their time; None: none does."""
    documents_new: int = 0
    documents_changed: int = 0
    documents_gone: int = 0
    skipped: int = 0
    """What could not be read of the source, by the last round of this run that read it; `refused`: the rows over the
    model's limit."""
    refused: int = 0
    unread: list[str] = field(default_factory=list)
    """The first of both by name, and why, in the round that read them."""
    rows_edited: int = 0
    """Rows of the user's own whose text was edited since then, while its vector was made: they wait for a round that
    reads them."""
    documents: int | None = None
    """In the corpus, as its chunks, and those of them with a vector; None: not done."""
    chunks: int | None = None
    embedded: int | None = None
    rows: int | None = None
    """Rows of the user's own with their vector; None: not done, or no column is filled."""
    run: RunTotals | None = None
    """When done: the run of this round, or the last there was; None: there was none."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A look at the provider: the batches that have ended, those in flight, and in how many seconds to look again.

    0 seconds: there is something to do for a round.
    """

    corpus: str
    ended: list[str]
    in_flight: list[str]
    look_again_s: float


def totals(entry: Entry) -> RunTotals:
    """A run's entry, without its batches."""
    return RunTotals(
        entry.run_at,
        entry.texts,
        entry.estimated_tokens,
        entry.estimated_dollars,
        entry.billed_tokens,
        entry.billed_dollars,
        entry.wasted_tokens,
    )
