"""Tables as Markdown writes them, with a row above the others, whatever the document. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a table whose first row is its header; columns and rows without a word are left out."""
    width = max(map(len, rows), default=0)
    texts = [[_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    kept = [column for column in range(width) if any(row[column] for row in texts)]
    texts = [[row[column] for column in kept] for row in texts if any(row)]
    if not texts:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in texts]
    lines.insert(1, f"| {' | '.join(['---'] * len(kept))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
