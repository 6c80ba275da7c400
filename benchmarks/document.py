"""What a benchmark found, as a section of docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from benchmarks.tables import Table


def write(document: Path, benchmark: ModuleType, tables: Sequence[Table]) -> None:
    """Put what a benchmark found into the document, in the place of what it found before."""
    name = benchmark.__name__.rpartition(".")[2]
    heading = f"## {name.replace('_', ' ').capitalize()}"
    purpose = (benchmark.__doc__ or name).splitlines()[0].partition(": `")[0].rstrip(".")
    parts = [heading, f"{purpose}."]
    if plotted := [table for table in tables if table.bars]:
        picture = document.with_name(f"{document.stem}-{name}.svg")
        from benchmarks.plots import plot  # matplotlib is of the extra `bench`

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
