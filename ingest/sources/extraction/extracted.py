"""What is wanted of a document, and what came out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ingest.model import Loss  # noqa: TC001 - looked at when it is sent from one process to another

_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]++([^\n]++)")
_FENCE = re.compile(r"[ ]*+(?:>[ ]?)?[ ]*+(```|~~~)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a document, where people may differ."""

    html_main_text: bool = True
    html_links: bool = False
    ocr: str = ""
    """The languages of pages without text, which are then recognised, as tesseract names them; none where empty."""


EVERYDAY = Wanted()


class Extracted(NamedTuple):
    """A document's text as Markdown, the title that the document gives itself, and what is not read of it."""

    text: str
    title: str | None = None
    losses: tuple[Loss, ...] = ()


def first_heading(markdown: str) -> str | None:
    """The first heading of a text; a comment in code is none."""
    fence = None
    for line in markdown.split("\n"):
        if marked := _FENCE.match(line):
            fence = marked[1] if fence is None else None if fence == marked[1] else fence
        elif fence is None and (found := _HEADING.match(line)):
            return found[1].rstrip().rstrip("#").rstrip() or None
    return None
