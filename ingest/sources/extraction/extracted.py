"""What is wanted of a document, and what came out of it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ingest.model import Loss  # noqa: TC001 - looked at when it is sent from one process to another

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a document, where people may differ."""

    html_main_text: bool = True
    html_links: bool = False
    ocr: str = ""
    """The languages of pages without text, which are then recognised, as tesseract names them; none where empty."""
    attachments: bool = False
    """Whether what is attached to a message is a document of its own."""


EVERYDAY = Wanted()


class Attached(NamedTuple):
    """A file that is attached to a message, and what the message says of itself."""

    name: str
    content: bytes
    said: dict[str, str]


class Extracted(NamedTuple):
    """A document's text as Markdown, the title that the document gives itself, and what is not read of it.

    `pages`: at which character of the text a page or slide begins, and its number, counted from 1. `said`: what the
    document says of itself beside that, as metadata.
    """

    text: str
    title: str | None = None
    losses: tuple[Loss, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()
    said: Mapping[str, str] = MappingProxyType({})
