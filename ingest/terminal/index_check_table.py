"""How much of the nearest vectors an index finds, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.terminal.parts import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.database.index_check import IndexCheck
    from ingest.terminal.parts import Part


def index_check_table(check: IndexCheck) -> Iterator[Part]:
    """What is found now, with each number that was tried, and what would be enough."""
    found = f"searches find {check.now.recall:.1%} of the ten nearest passages ({check.asked:,} asked of the corpus)"
    yield Text(f"{found}, with {check.setting} = {check.now.effort:,}")
    yield table(
        {
            f">{check.setting}": [f"{each.effort:,}" for each in check.tried],
            ">of the ten nearest": [f"{each.recall:.1%}" for each in check.tried],
        }
    )
    if check.enough is None:
        yield Text("none of these finds 95 %: build it with more (hnsw_m, hnsw_ef_construction, index_quantize)")
    elif check.now.effort < check.enough:
        yield Text(f"for 95 %, set {check.setting} = {check.enough:,}")
