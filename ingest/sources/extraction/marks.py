"""What of a text Markdown would take for its own marks, and how parts of a document are written in it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.model import Loss, LossKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MARK = re.compile(r"(?=#{1,6}\s|[=|>~`]|-{3}|[-+]\s)")
_RAISED = re.compile(r"[\d+\-−.,()]{1,12}|[a-zA-Z]")


def escaped(line: str) -> str:
    """A line that begins as Markdown's own marks do, with a backslash before them."""
    return f"\\{line}" if _MARK.match(line) else line


def raised(before: str, text: str) -> str:
    """What stands above the line: figures after a letter or a figure with a mark, as in 10^6; else as it is."""
    return f"^{text}" if before[-1:].isalnum() and _RAISED.fullmatch(text) else text


def fence(lines: Iterable[str]) -> str:
    """Lines of code."""
    text = "\n".join(lines)
    mark = "````" if "```" in text else "```"
    return f"{mark}\n{text}\n{mark}"


def left_out(counts: Mapping[str, int]) -> tuple[Loss, ...]:
    """What was not read, by its name in the singular: told in words that count it."""
    losses = []
    for name, count in counts.items():
        if count:
            words = f"{count:,} {name}" if count == 1 else f"{count:,} {_plural(name)}"
            losses.append(Loss(LossKind.PARTS_LEFT_OUT, count, words))
    return tuple(losses)


def attached(names: Sequence[str]) -> tuple[Loss, ...]:
    """The files that a message brings along, which are named and not read."""
    if not names:
        return ()
    words = f"{len(names):,} attached, not read: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
    return (Loss(LossKind.PARTS_LEFT_OUT, len(names), words),)


def _plural(name: str) -> str:
    if " or " in name:
        return name.replace(" or ", "s or ") + "s"
    for joint in (" without ", " with "):
        if joint in name:
            return name.replace(joint, f"s{joint}")
    return f"{name}s"
