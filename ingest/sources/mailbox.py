"""Mailboxes as a source: in mbox (RFC 4155, as Thunderbird, mutt and Gmail write it), each message is a document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from ingest.sources.content import document, most_bytes, too_large
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.source import Skipped
from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.model import Document

MAILBOX_SUFFIXES = frozenset({".mbox", ".mbx"})
_LINE_BYTES = 1_000_000  # what is held of a line
_MESSAGE_BYTES = 64_000_000  # what is held of a message; attachments are a part of it
_POSTMARK = re.compile(rb"From (?:\S.*\d\d:\d\d.*\d{4}|\S+@\S+)\s*\Z")
_HEADER = re.compile(rb"[!-9;-~]+:|>?From ")
_QUOTED = re.compile(rb">+From ")
_MESSAGE_ID = re.compile(rb"^message-id:\s*<?([^\s>]{1,250})", re.IGNORECASE | re.MULTILINE)
_HEAD_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A message of a mailbox."""

    uri: str
    root: str
    name: str
    content: bytes
    limits: Limits = DEFAULT_LIMITS

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content)

    @property
    def version(self) -> str:
        """A hash of it."""
        return sha256(self.content).hexdigest()[:32]

    def read(self, max_bytes: int) -> Document:
        """The message as a document.

        Raises:
            UnreadableError: it is too large, or cannot be read.
        """
        bound = most_bytes(".eml", b"", max_bytes)
        if self.size > bound:
            raise too_large(self.size, bound, max_bytes)
        return document(
            self.content,
            uri=self.uri,
            name="message.eml",
            metadata={"message": self.name},
            max_bytes=max_bytes,
            limits=self.limits,
        )


def begins_mailbox(stream: IO[bytes]) -> bool:
    """Whether a file begins as a mailbox does: Thunderbird's have no suffix."""
    line = stream.readline(_HEAD_BYTES)
    return bool(_POSTMARK.match(line) and _HEADER.match(stream.readline(_HEAD_BYTES)))


def mailbox_messages(
    stream: IO[bytes], *, uri: str, root: str, name: str, limits: Limits
) -> Iterator[MailMessage | Skipped]:
    """The messages of a mailbox, one at a time; their ids, or where one has none its number, are their keys."""
    seen: dict[str, int] = {}
    for number, content in enumerate(_contents(stream), 1):
        if content is None:
            yield Skipped(f"{name} {number}", f"a message of more than {_MESSAGE_BYTES:,} bytes", is_folder=True)
            continue
        head = re.split(rb"\r?\n\r?\n", content[:_HEAD_BYTES], maxsplit=1)[0]
        found = _MESSAGE_ID.search(head)
        key = clean(found[1].decode("ascii", "replace")) if found else str(number)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:  # a mailbox may hold a message twice
            key = f"{key}~{seen[key]}"
        yield MailMessage(f"{uri}#{quote(key, safe='')}", root, f"{name} {key}", content, limits)
    if not seen:
        yield Skipped(name, "no message in it", is_folder=True)


def _contents(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The messages as they were before they came into the mailbox; None in place of one that is too large."""
    lines: list[bytes] | None = None
    size = 0
    is_after_blank = True
    line = stream.readline(_LINE_BYTES)
    while line:
        following = stream.readline(_LINE_BYTES)
        if is_after_blank and _POSTMARK.match(line) and _HEADER.match(following):
            if lines is not None:
                yield b"".join(lines) if size <= _MESSAGE_BYTES else None
            lines, size = [], 0
        elif lines is not None:
            size += len(line)
            if size <= _MESSAGE_BYTES:
                lines.append(line[1:] if _QUOTED.match(line) else line)
        is_after_blank = not line.strip()
        line = following
    if lines is not None:
        yield b"".join(lines) if size <= _MESSAGE_BYTES else None
