"""Text of numbered pages or slides, and where in it each begins. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable


def numbered_text(blocks: Iterable[tuple[int, str]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Blocks as one text, with a blank line between them; each has the number of its page, or 0 where there is none.

    Beside it stands at which character each page begins, and its number.
    """
    written: list[str] = []
    begins: list[tuple[int, int]] = []
    size = 0
    for page, block in blocks:
        if not block.strip():
            continue
        if page and (not begins or begins[-1][1] != page):
            begins.append((size, page))
        written.append(clean(block))
        size += len(block) + 2
    return "\n\n".join(written) + "\n" if written else "", tuple(begins)
