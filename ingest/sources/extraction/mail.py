"""E-mail to Markdown, by Python's own library. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import mimetypes
import re
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ingest.model import Loss, LossKind
from ingest.sources.encodings import decoded
from ingest.sources.extraction.extracted import EVERYDAY, Attached, Extracted
from ingest.sources.extraction.formats import SNIFFED_BYTES, Format, format_of, package_type
from ingest.sources.extraction.html import decode_html, html_to_markdown
from ingest.sources.extraction.mail_text import body, charset, file_name, header, header_text, plain_text
from ingest.sources.extraction.marks import attached
from ingest.sources.text import BINARY, UnreadableError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from ingest.sources.extraction.extracted import Wanted

_HEADERS = ("From", "To", "Cc", "Date")
_POSTMARK = re.compile(rb"From [^\n]*\n")
_SHOWN_AS_TEXT = {"text/calendar", "text/x-vcard", "text/vcard", "text/directory"}
_REPORT = "message/delivery-status"
_PAGE = re.compile(r"<(?:!doctype\s++html|html[\s>])", re.IGNORECASE)
_EXCUSE = re.compile(r"html|browser|e-?mail client|mail (?:reader|program)", re.IGNORECASE)
_FEW_WORDS = 60
_SEALED = {"application/pkcs7-mime": "encrypted", "application/x-pkcs7-mime": "encrypted"}
_SEALS = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}


class _Block(NamedTuple):
    """A piece of a message, in the order of reading; `attached`: the name of a file in its place, and `part` this."""

    text: str = ""
    losses: tuple[Loss, ...] = ()
    attached: str = ""
    part: Message | None = None


def message_of(content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """A message: who wrote when to whom, and all its text in its order; attachments by name."""
    message = parsed(content)
    blocks = [block for block in _blocks(message, wanted) if block.text.strip() or block.attached or block.losses]
    if not wanted.attachments and not any(block.text.strip() for block in blocks):
        blocks += _attached_text(message)
    named = [block.attached for block in blocks if block.attached]
    left = [block.attached for block in blocks if block.part and not (wanted.attachments and is_readable(block.part))]
    losses = [*(loss for block in blocks for loss in block.losses), *attached(left)]
    lines = [*_head(message, 1), *(f"- Attachment: {name}" for name in named)]
    text = "\n\n".join(block.text.strip("\n") for block in blocks if block.text.strip())
    text = clean("\n".join([*lines, "", text]))
    return Extracted(text, header(message, "Subject"), tuple(losses), said=said_of(message))


def attachments_of(content: bytes) -> tuple[Attached, ...]:
    """What is attached to a message, and can be read as a document."""
    message = parsed(content)
    said = said_of(message)
    parts = [block.part for block in _blocks(message, EVERYDAY) if block.part and is_readable(block.part)]
    return tuple(Attached(_name_of(part), body(part), said) for part in parts)


def is_readable(part: Message) -> bool:
    """Whether a part is of a format that we read, or text."""
    content = body(part)
    try:
        found = format_of(PurePosixPath(_name_of(part)).suffix, content[:SNIFFED_BYTES])
        if found is Format.PACKAGE:
            package_type(content)
        if found is None:
            decoded(content)
    except UnreadableError as error:
        return str(error) != BINARY
    return bool(content)


def said_of(message: Message) -> dict[str, str]:
    """What a message says of itself, as metadata; its date as ISO 8601 writes it."""
    said = {name.lower(): clean(header(message, name)) for name in ("Subject", "From", "To", "Date")}
    try:
        said["date"] = parsedate_to_datetime(said["date"]).isoformat()
    except (ValueError, TypeError, OverflowError):
        del said["date"]
    return {name: value for name, value in said.items() if value}


def _name_of(part: Message) -> str:
    kind = part.get_content_type()
    return clean(file_name(part)) or f"attachment{mimetypes.guess_extension(kind) or ''}"


def parsed(content: bytes) -> Message:
    """A message as Python's library takes it apart; a line of a mailbox before it is none of it."""
    from email import policy
    from email.parser import BytesParser

    postmark = _POSTMARK.match(content)
    # Not by the default policy: it raises at headers that are damaged.
    return BytesParser(policy=policy.compat32).parsebytes(content[postmark.end() :] if postmark else content)


def is_attached(part: Message) -> bool:
    """Whether a part is a file beside the message, and no part of its text."""
    if part.is_multipart() or part.get_content_type() in _SEALS or _is_broken(part):
        return False
    if part.get_content_maintype() != "text":
        return True
    return part.get_content_disposition() == "attachment" or part.get_content_type() in _SHOWN_AS_TEXT


def _is_broken(part: Message) -> bool:
    """Whether it is said to have parts, and none is found: by the marks that divide them, which are not there."""
    return part.get_content_maintype() == "multipart" and not part.is_multipart()


def _head(message: Message, depth: int) -> list[str]:
    subject = header(message, "Subject")
    lines = [f"{'#' * min(depth, 6)} {subject}", ""] if subject else []
    return [*lines, *(f"- {name}: {value}" for name in _HEADERS if (value := header(message, name)))]


def _blocks(part: Message, wanted: Wanted, depth: int = 1) -> Iterator[_Block]:
    kind = part.get_content_type()
    if kind == "message/rfc822":
        for inner in _inside(part):
            yield _Block("\n".join(_head(inner, depth + 1)))
            yield from _blocks(inner, wanted, depth + 1)
    elif kind == "multipart/alternative" and part.is_multipart():
        yield from _best([[*_blocks(inner, wanted, depth)] for inner in _inside(part)])
    elif kind == "multipart/encrypted" or kind in _SEALED:
        yield _Block(losses=(Loss(LossKind.PARTS_LEFT_OUT, 1, "a part is encrypted"),))
    elif kind == _REPORT:
        fields = (
            f"- {name}: {header_text(str(value))}" for inner in _inside(part) for name, value in inner.raw_items()
        )
        yield _Block("\n".join(fields))
    elif part.is_multipart():
        for inner in _inside(part):
            yield from _blocks(inner, wanted, depth)
    elif is_attached(part):
        name = file_name(part)
        is_picture_in_text = part.get_content_maintype() == "image" and part.get("content-id") and not name
        if not is_picture_in_text:
            yield _Block(attached=name or kind, part=part)
    elif kind not in _SEALS:
        yield _text(part, wanted)


def _inside(part: Message) -> list[Message]:
    """The parts of a part."""
    payload = part.get_payload()
    return [inner for inner in payload if not isinstance(inner, str)] if isinstance(payload, list) else []


def _text(part: Message, wanted: Wanted) -> _Block:
    try:
        return _read(part, wanted)
    except UnreadableError as error:
        return _Block(losses=(Loss(LossKind.PARTS_LEFT_OUT, 1, f"a part of its text: {error}"),))


def _read(part: Message, wanted: Wanted) -> _Block:
    if part.get_content_type() == "text/html":
        source, losses = decode_html(body(part), charset(part))
        return _Block(html_to_markdown(source, wanted), losses)
    told = plain_text(part)
    if _PAGE.match(told.text.lstrip()) and "content-type" not in part:
        return _Block(html_to_markdown(told.text, wanted), told.losses)
    return _Block(*told)


def _best(alternatives: list[list[_Block]]) -> list[_Block]:
    """The plain one of several alternatives, which comes first, unless another says much more; and what is attached."""
    told = [(len(" ".join(block.text for block in blocks).split()), blocks) for blocks in alternatives]
    spoken = [(count, blocks) for count, blocks in told if count]
    chosen = spoken[0][1] if spoken else []
    if len(spoken) > 1:
        (count, first), (most, richest) = spoken[0], max(spoken[1:], key=lambda each: each[0])
        is_excuse = count < _FEW_WORDS and _EXCUSE.search(" ".join(block.text for block in first))
        if count * 3 < most or (is_excuse and most > count):
            chosen = richest
    rest = [block for _, blocks in told if blocks is not chosen for block in blocks if block.attached]
    return [*chosen, *(block for block in rest if not block.attached.startswith("text/"))]


def _attached_text(message: Message) -> Iterator[_Block]:
    """The text that is attached to a message which has none of its own."""
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.is_multipart():
            yield _text(part, EVERYDAY)
            return
