"""What stands in headers and parts of e-mail, as mailers write it: encoded, folded, flowed, damaged. Pure."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.encodings import decoded
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from email.message import Message

    from ingest.model import Loss

# RFC 2047; not a question mark that stands for itself before an encoded letter. What begins another word is in none: so
# that each letter is looked at once, whatever many beginnings without an end there are.
_WORD = re.compile(
    r"=\?([^?\s]*)\?([bBqQ])\?((?:[^=?]|=(?!\?(?!=(?![0-9A-F]{2})))|\?(?!=(?![0-9A-F]{2})))*+)\?=(?![0-9A-F]{2})"
)
_FOLD = re.compile(r"\r?\n[ \t]*|\r(?=[ \t])")
_HIGH_PAIR = re.compile(rb"=[89A-F][0-9A-F]")
_FEW_PAIRS = 3
_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n|\Z)")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}\s*\Z")
_UUENCODED = re.compile(r"^begin [0-7]{3,4} (\S[^\n]*)\n(?:[!-`]{1,61}\n)*?[` ]?\n?end$", re.MULTILINE)


class Told(NamedTuple):
    """A text, and what of it was guessed or left out."""

    text: str
    losses: tuple[Loss, ...] = ()


def header(message: Message, name: str) -> str:
    """A header as people read it, in one line; empty where there is none."""
    for found, value in message.raw_items():
        if found.lower() == name.lower():
            return header_text(str(value))
    return ""


def header_text(raw: str) -> str:
    """A header's value, of bytes as they came: in words of RFC 2047, or in an encoding that nobody names."""
    unfolded = _FOLD.sub(" ", raw).strip()
    return " ".join(_words(_as_text(unfolded)).split())


def file_name(part: Message) -> str:
    """The name of a file that is attached; empty where it has none."""
    for header_name, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        if value := _parameter(part, header_name, parameter):
            return re.sub(r"[\x00-\x1f]", "", value).replace("\\", "/").rsplit("/", 1)[-1].strip()
    return ""


def body(part: Message) -> bytes:
    """The bytes of a part, however it was packed for the way."""
    how = str(part.get("content-transfer-encoding", ""))
    del part["content-transfer-encoding"]  # else the library unpacks, and gives up where it is damaged
    payload = part.get_payload(decode=True)
    part["content-transfer-encoding"] = how
    content = payload if isinstance(payload, bytes) else b""
    how = how.strip().lower().rstrip(";")
    if how == "base64":
        return _unpacked(content)
    if how in {"x-uuencode", "uuencode", "uue", "x-uue"}:
        unpacked = part.get_payload(decode=True)
        return unpacked if isinstance(unpacked, bytes) else b""
    if how == "quoted-printable" or (how in {"", "7bit"} and len(_HIGH_PAIR.findall(content)) >= _FEW_PAIRS):
        return quopri.decodestring(_SOFT_BREAK.sub(b"=", content))
    return content


def plain_text(part: Message) -> Told:
    """A part of text as it is to be read."""
    found = decoded(body(part), _charset(part))
    text = found.text.replace("\r\n", "\n").replace("\r", "\n")
    if _parameter(part, "content-type", "format").lower() == "flowed":
        text = _unflowed(text, deletes=_parameter(part, "content-type", "delsp").lower() == "yes")
    return Told(_UUENCODED.sub(r"- Attachment: \1", text), found.losses)


def charset(part: Message) -> str | None:
    """The encoding that a part says it is in."""
    return _charset(part)


def _charset(part: Message) -> str | None:
    return _parameter(part, "content-type", "charset") or None


def _as_text(raw: str) -> str:
    """A header in which there may be bytes beyond ASCII."""
    content = b"" if _is_text(raw) else raw.encode("ascii", "surrogateescape")
    return _in_header(content) if content else raw


def _in_header(content: bytes, said: str | None = None) -> str:
    """A piece of a header: what is text in no encoding is left out, as it is no reason to refuse a message."""
    content = content.replace(b"\0", b"")
    try:
        return decoded(content, said or None).text
    except UnreadableError:
        return content.decode("ascii", "ignore")


def _is_text(raw: str) -> bool:
    try:
        raw.encode()
    except UnicodeEncodeError:  # bytes beyond ASCII, as the parser keeps them
        return False
    return True


def _words(text: str) -> str:
    """A text with its encoded words read. Blanks between two are not part of it; a letter may stand in both."""
    pieces: list[str] = []
    pending: list[tuple[str, bytes]] = []
    at = 0

    def flush() -> None:
        together = b""
        for number, (said, content) in enumerate(pending):
            together += content
            if number + 1 == len(pending) or pending[number + 1][0].lower() != said.lower():
                pieces.append(_in_header(together, said))
                together = b""
        pending.clear()

    for found in _WORD.finditer(text):
        between = text[at : found.start()]
        if between.strip() or not pending:
            flush()
            pieces.append(between)
        said, how, content = found.groups()
        packed = content.encode("utf-8", "surrogatepass")
        packed = _base64(packed) if how in "bB" else quopri.decodestring(packed.replace(b"_", b"=20"))
        pending.append((said.partition("*")[0], packed))
        at = found.end()
    flush()
    return "".join(pieces) + text[at:]


def _base64(packed: bytes) -> bytes:
    """What is packed in base64, be its padding wrong."""
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", packed.translate(bytes.maketrans(b"-_", b"+/")))
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    try:
        return base64.b64decode(clean + b"=" * (-len(clean) % 4))
    except binascii.Error:
        return b""


def _unpacked(content: bytes) -> bytes:
    """A part in base64; what a mailing list has put below it as it is."""
    lines = content.splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if line.strip() and not _BASE64_LINE.match(line)), None)
    padded = next((number for number, line in enumerate(lines) if line.rstrip().endswith(b"=")), None)
    if padded is not None and (end is None or padded < end):
        end = padded + 1
    packed, rest = b"".join(lines[:end]), b"".join(lines[end:]) if end is not None else b""
    if not packed.strip():
        return content
    return _base64(packed) + (b"\n" + rest if rest.strip() else b"")


def _unflowed(text: str, *, deletes: bool) -> str:
    """A text whose paragraphs were broken into lines that end in a blank, as RFC 3676 says."""
    lines: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        is_signature = bare == "-- "
        if open_depth == depth and not is_signature:
            lines[-1] += bare
        else:
            lines.append(">" * depth + (" " if depth else "") + bare)
        is_open = bare.endswith(" ") and not is_signature
        if is_open and deletes:
            lines[-1] = lines[-1][:-1]
        open_depth = depth if is_open else None
    return "\n".join(lines)


def _parameter(part: Message, header_name: str, parameter: str) -> str:
    """A parameter of a header: in one piece or several, packed by RFC 2231, or by RFC 2047, which it should not be."""
    raw = next((str(value) for name, value in part.raw_items() if name.lower() == header_name), "")
    try:
        if not _is_text(raw):
            part.replace_header(header_name, _as_text(raw))
        found = part.get_param(parameter, "", header_name)
    except (ValueError, IndexError, LookupError):
        return ""
    if isinstance(found, tuple):  # the library has read RFC 2231, but for the encoding
        said, _, packed = found
        found = _in_header(packed.encode("latin-1", "replace"), said)
    return header_text(found).strip().strip('"')
