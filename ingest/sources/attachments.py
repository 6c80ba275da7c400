"""What is attached to e-mail, as documents of their own: found with the message, gone with it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingest.sources.content import document, most_bytes, reading_of, too_large
from ingest.sources.extraction.extracting import attachments
from ingest.sources.extraction.formats import SNIFFED_BYTES, Format, format_of
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.local_file import SourceFile
from ingest.sources.mailbox import MailMessage
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingest.model import Document
    from ingest.sources.source import Item

_MESSAGE_BYTES = 64_000_000  # as in a mailbox
_DEEP = 5  # messages in messages
_HEAD = b"From: a\nTo: b\nDate: c\n"  # who has another suffix may begin so, too


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a message; `file`: its name, `message`: the message's URI, `said`: what that says."""

    uri: str
    root: str
    name: str
    file: str
    message: str
    content: bytes
    said: Mapping[str, str]
    limits: Limits = DEFAULT_LIMITS

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content)

    @property
    def version(self) -> str:
        """A hash of it, and of what is kept with it."""
        told = json.dumps([self.file, dict(self.said)], sort_keys=True)
        return sha256(told.encode(errors="replace") + b"\n" + self.content).hexdigest()[:32] + reading_of(self.file)

    def read(self, max_bytes: int) -> Document:
        """The file as a document.

        Raises:
            UnreadableError: it is too large, or cannot be read.
        """
        bound = most_bytes(os.path.splitext(self.file)[1], self.content[:SNIFFED_BYTES], max_bytes)  # noqa: PTH122 - no path
        if self.size > bound:
            raise too_large(self.size, bound, max_bytes)
        told = {**self.said, "message": self.message, "attachment": self.file}
        return document(
            self.content, uri=self.uri, name=self.file, metadata=told, max_bytes=max_bytes, limits=self.limits
        )


def with_attachments(items: Iterable[Item | Skipped], limits: Limits) -> Iterator[Item | Skipped]:
    """All that there is, and after each message what is attached to it, and to a message that is attached."""
    for item in items:
        yield item
        content = None if isinstance(item, Skipped) else _message(item)
        if content is not None and not isinstance(item, Skipped):
            yield from _below(item, content, limits)


def _below(item: Item, content: bytes, limits: Limits, depth: int = 1) -> Iterator[Item | Skipped]:
    try:
        found = attachments(content, limits)
    except UnreadableError as error:  # what was read before stays
        yield Skipped(item.name, f"what is attached to it cannot be told: {error}", is_folder=True)
        return
    seen: dict[str, int] = {}
    for attached in found:
        seen[attached.name] = seen.get(attached.name, 0) + 1
        key = attached.name if seen[attached.name] == 1 else f"{attached.name}~{seen[attached.name]}"
        each = Attachment(
            uri=f"{item.uri}{'/' if '#' in item.uri else '#'}{quote(key, safe='')}",
            root=item.root,
            name=f"{item.name} {key}",
            file=attached.name,
            message=item.uri,
            content=attached.content,
            said=attached.said,
            limits=limits,
        )
        yield each
        if depth < _DEEP and _is_message(attached.name, attached.content[:SNIFFED_BYTES]):
            yield from _below(each, attached.content, limits, depth + 1)


def _message(item: Item) -> bytes | None:
    """The bytes of a message; None where it is none, or what is wrong with it is told where it is read."""
    if isinstance(item, MailMessage):
        return item.content
    is_named_so = item.name.lower().endswith(".eml")
    if item.size > _MESSAGE_BYTES or not (
        is_named_so or (isinstance(item, SourceFile) and _is_message(item.name, _HEAD))
    ):
        return None
    try:
        with item.opened() as stream:  # type: ignore[attr-defined]  # a file, or an object
            head: bytes = stream.read(SNIFFED_BYTES)
            return head + stream.read(_MESSAGE_BYTES) if _is_message(item.name, head) else None
    except UnreadableError:
        return None


def _is_message(name: str, head: bytes) -> bool:
    return format_of(os.path.splitext(name)[1], head) is Format.EMAIL  # noqa: PTH122 - as text
