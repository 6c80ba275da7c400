"""How a vendor's files look: request lines out, result lines in, and what one file and one call may hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ingest.provider.request_ids import chunk_id_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.provider.jsonl import Malformed, Result

Side: TypeAlias = Literal["document", "query"]
"""What a text is in a search: a passage that may be found, or a question that finds it."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is asked of a model beside the text.

    `model`: in the provider's word for it; `dimensions`: as they are sent, None leaves the model's own; `side`: None
    where the model embeds documents and questions alike.
    """

    model: str
    dimensions: int | None
    side: Side | None = None
    encoding_format: Literal["base64", "float"] = "float"


class WriteLine(Protocol):
    """Writes the line of one request, with its newline."""

    def __call__(self, custom_id: str, text: str) -> bytes:
        """The line."""


ParseLine: TypeAlias = "Callable[[bytes], Result | Malformed]"
"""Reads one line of a result file."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What a vendor's files look like, and what it takes.

    `max_requests`, `max_bytes`: of one file; `call_texts`, `call_tokens`: of one call at the synchronous price, tokens
    by our count.
    """

    writer: Callable[[Parameters], WriteLine]
    """For the same parameters, line after line."""
    parse: ParseLine
    id_of: Callable[[str], str] = str
    """A request's custom_id as it stands in the lines, where their ids may not be as ours are."""
    chunk_id_of: Callable[[str], int | None] = chunk_id_of
    """The record that such an id is of; None where it cannot be one of ours."""
    max_requests: int = 50_000
    max_bytes: int = 200_000_000
    call_texts: int = 2_048
    call_tokens: int = 300_000
    has_sides: bool = False
    """Whether documents and questions can be told apart."""
    is_upload_idempotent: bool = False
    """Whether the same upload made again makes no second file."""
    is_create_idempotent: bool = False
    """Whether a batch created again by the same key is the same batch."""


HasEnded: TypeAlias = "Callable[[str], Awaitable[bool]]"
"""Whether a batch has ended, asked in an event loop; one that the provider does not know has."""
