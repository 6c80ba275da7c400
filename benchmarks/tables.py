"""What a benchmark found: tables to print, and the sections of docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

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


def write(document: Path, benchmark: ModuleType, tables: Sequence[Table]) -> None:
    """Put what a benchmark found into the document, in the place of what it found before."""
    name = benchmark.__name__.rpartition(".")[2]
    heading = f"## {name.replace('_', ' ').capitalize()}"
    purpose = (benchmark.__doc__ or name).splitlines()[0].partition(": `")[0].rstrip(".")
    parts = [heading, f"{purpose}."]
    if plotted := [table for table in tables if table.bars]:
        from benchmarks.plots import plot

        picture = document.with_name(f"{document.stem}-{name}.svg")
        plot(plotted, picture)
        parts.append(f"![{heading[3:]}]({picture.name})")
    parts += [_markdown(table) for table in tables]
    parts.append(f"{datetime.now(UTC):%Y-%m-%d}, `python -m benchmarks {name}`: {_machine(benchmark.VERSIONS)}.")
    before = re.split(r"\n(?=## )", document.read_text() if document.exists() else _INTRODUCTION)
    sections = {section.partition("\n")[0]: section.rstrip() + "\n" for section in before}
    sections[heading] = "\n\n".join(parts) + "\n"
    document.write_text("\n".join(sections.values()))


def _markdown(table: Table) -> str:
    rows = [table.head, ["---", *["---:"] * (len(table.head) - 1)], *table.rows]
    return "\n".join([f"**{table.title}**", "", *(f"| {' | '.join(row)} |" for row in rows)])


def _machine(packages: Sequence[str]) -> str:
    """The machine, and the versions of what was measured."""
    described = [f"{os.cpu_count()} cores{_processor()}, {platform.system()}, Python {platform.python_version()}"]
    for package in packages:
        try:
            described.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(described)


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", path.read_text(), re.MULTILINE) if path.exists() else None
    return f" of {found[1]}" if found else ""


_INTRODUCTION = """\
# Performance

Every figure is measured beside what it is held against, in turn, in one run: the rate is the median of the rounds, the
ratio is taken round by round, and its spread stands beside it. After `pip install -e '.[local,bench]'`:

```sh
python -m benchmarks                                     # everything, printed
python -m benchmarks load --write docs/performance.md    # one, put here in the place of what it found before
```
"""
