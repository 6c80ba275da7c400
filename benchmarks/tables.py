"""What a benchmark found: tables, printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title; `bars` are what a plot shows of it, in `unit`, ours first."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""


def in_turn(contenders: Mapping[str, Callable[[], object]], amount: float) -> dict[str, list[float]]:
    """`amount` a second of each contender, all in turn, round by round."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            began = perf_counter()
            work()
            rates[name].append(amount / (perf_counter() - began))
    return rates


def compared(
    title: str,
    unit: str,
    rates: Mapping[str, Sequence[float]],
    more: Mapping[str, Mapping[str, str]] | None = None,
) -> Table:
    """Rates of ours, which is the first, and of others, round by round; the ratio is that of each round.

    `more`: further columns, by their heads, of cells by contender.
    """
    more = more or {}
    ours = next(iter(rates.values()))
    rows = []
    for name, found in rates.items():
        ratios = [mine / other for mine, other in zip(ours, found, strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append((name, rate(median(found)), spread, *(cells.get(name, "") for cells in more.values())))
    bars = {name: median(found) for name, found in rates.items()}
    return Table(title, ("", unit, "ours is … times as fast (spread)", *more), rows, bars, unit)


def rate(amount: float) -> str:
    """A rate with the digits it deserves."""
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.1f}" if amount >= 10 else f"{amount:.2f}"


def show(tables: Iterable[Table]) -> list[Table]:
    """Print the tables as they come; all of them."""
    shown = []
    for table in tables:
        widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]
        print(f"\n{table.title}")
        for row in (table.head, *table.rows):
            cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            print(" ", row[0].ljust(widths[0]), *cells, sep="  ", flush=True)
        shown.append(table)
    return shown
