"""Markdown, and the docstrings that go into it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def string(node: ast.AST | None) -> str:
    """What a docstring below a field says."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table, without the columns that are empty in all rows."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    kept = [place for place, name in enumerate(heading) if any(row[place] for row in cells) or not place]
    lines = [
        [heading[place] for place in kept],
        ["---"] * len(kept),
        *([row[place] for place in kept] for row in cells),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def block(language: str, code: str) -> str:
    """Code in its fence."""
    return f"```{language}\n{code}\n```"


def listed(names: Iterable[str], word: str = "and") -> str:
    """Names as a sentence lists them."""
    *most, last = [f"`{name}`" for name in names]
    return f"{', '.join(most)} {word} {last}" if most else last
