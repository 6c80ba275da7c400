"""What a run did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.batches import LoadReport
from ingest.corpus import SyncReport

if TYPE_CHECKING:
    from ingest.reporting.status import Failure


@dataclass(slots=True)
class RunReport:
    """What a run did. `dollars` is the estimate for the tokens sent; seconds are of the wall clock."""

    corpus: str
    provider: str
    model: str
    dimensions: int
    vector_type: str
    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    resumed: int = 0
    """Texts that an earlier run left to be embedded: they waited, or were with the provider."""
    tokens: int = 0
    dollars: float = 0.0
    mode: str | None = None
    """How it was sent, `batch` or `sync`, and why; None: nothing was. `dollars` are at the price of that."""
    mode_why: str | None = None
    indexed: bool = False
    column: str | None = None
    """The column that was filled, where it is the user's own; `rows` of it have their vectors."""
    rows: int = 0
    sync: SyncReport = field(default_factory=SyncReport)
    load: LoadReport = field(default_factory=LoadReport)
    failures: list[Failure] = field(default_factory=list)
    beside: str | None = None
    """The next version, where a reembed did not come to its swap: what failed is of that."""
    seconds: dict[str, float] = field(default_factory=dict)

    def continued_by(self, later: RunReport) -> RunReport:
        """The report of both runs: what was done is summed up, what there is now is told by the second."""
        load, seconds = replace(self.load, notes=[*self.load.notes]), self.seconds | later.seconds
        load.add(later.load)
        for name in self.seconds.keys() & later.seconds.keys():
            seconds[name] = round(self.seconds[name] + later.seconds[name], 3)
        tokens, dollars = self.tokens + later.tokens, self.dollars + later.dollars
        sync = replace(
            self.sync,
            tokens_to_pay=self.sync.tokens_to_pay + later.sync.tokens_to_pay,
            dollars_to_pay=self.sync.dollars_to_pay + later.sync.dollars_to_pay,
        )
        return replace(
            later,
            resumed=self.resumed,
            tokens=tokens,
            dollars=dollars,
            mode=_both(self.mode, later.mode),
            mode_why=_both(self.mode_why, later.mode_why),
            sync=sync,
            load=load,
            seconds=seconds,
        )


def _both(first: str | None, then: str | None) -> str | None:
    return f"{first}, then {then}" if first and then and first != then else first or then
