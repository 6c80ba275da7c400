"""What came out of a document."""

from __future__ import annotations

from typing import NamedTuple

from ingest.model import Loss  # noqa: TC001 - looked at when it is sent from one process to another


class Extracted(NamedTuple):
    """A document's text as Markdown, the title that the document gives itself, and what is not read of it."""

    text: str
    title: str | None = None
    losses: tuple[Loss, ...] = ()
