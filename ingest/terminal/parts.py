"""What printed results are made of: rows with a name, tables, the command to give next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rich.table import Table
from rich.text import Text

from ingest.formatting import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

INDENT = " " * 13
_LEAST_TEXT_WIDTH = 16  # a day and a minute
_GAP = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A line that begins with its name; commands between backticks in it can be given as they are printed."""

    name: str
    value: str
    style: str = "bold"


@dataclass(frozen=True, slots=True)
class Next:
    """The command to give next, and what for."""

    line: str
    why: str = ""


Part: TypeAlias = Row | Next | Text | Table


def written(part: Part, told: Callable[[str], str], command: Callable[[str], str]) -> Text | Table:
    """A part as it is printed; `told` makes a message printable, `command` a line for the shell."""
    if isinstance(part, Row):
        return Text.assemble((f"{part.name:<12}", part.style), " ", told(part.value))
    if isinstance(part, Next):
        why = f" {told(part.why)}" if part.why else ""
        return Text.assemble((f"{'next':<12} ", "bold"), (command(part.line), "cyan"), why)
    return part


def least_width(table: Table) -> int:
    """How many columns of a terminal a table needs, so that no number is cut."""
    return sum((column.min_width or 0) + _GAP for column in table.columns) - _GAP


def listed(line: str) -> Text:
    """One of several lines below a row."""
    return Text(f"{INDENT}{line}", style="dim")


def table(columns: Mapping[str, Sequence[str]], styles: Iterable[str] = ()) -> Table:
    """A plain table, one style a line; a column without any word is left out.

    Columns of headings that begin with > are numbers: flush right, and never cut. Others fold where room is scarce.
    """
    found = {heading: list(map(clean, cells)) for heading, cells in columns.items() if any(cells)}
    made = Table(box=None, pad_edge=False, header_style="dim")
    for heading, cells in found.items():
        name = heading.removeprefix(">")
        width = max(len(word) for word in (*name.split("\n"), *cells))
        if heading.startswith(">"):
            made.add_column(name, justify="right", no_wrap=True, min_width=width)
        else:
            made.add_column(name, overflow="fold", min_width=min(width, _LEAST_TEXT_WIDTH))
    for line in zip(*found.values(), strict=True):
        made.add_row(*map(Text, line))
    for row, style in zip(made.rows, styles, strict=False):
        row.style = style
    return made
