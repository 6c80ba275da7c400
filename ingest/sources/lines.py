"""The lines of a file of records as text, one after another, in whatever encoding they are.

UTF-8 is not known to be that before its end: lines with bytes beyond ASCII are looked at some ahead, and what they are
is decided by those.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from typing import IO, TYPE_CHECKING

from ingest.model import Loss, LossKind
from ingest.sources.encodings import (
    MARKS,
    foreign_encoding,
    is_foreign,
    is_mostly_utf8,
    label,
    repaired,
    strictly,
    wide_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 16_777_216  # characters: what is held of a file at once
_AHEAD_BYTES = 262_144
_HEAD_BYTES = 8192
_FEW_HIGH_BYTES = 6
_RETURN = re.compile(r"[^\r]*+(?:\r\n?|\Z)")
_BROKEN = re.compile("[\udc80-\udcff]")  # a byte that is text in no encoding
NO_TEXT = "bytes that are text in no encoding that is known"


class TextLines:
    """The lines of a stream, each with its end. One that is longer than `MAX_LINE` comes in pieces."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self._sound = 0  # how many of them are known to be UTF-8
        self._encoding: str | None = None
        self._is_mixed = False
        self._seen_utf8 = False
        self._guessed = self._repaired = self._left_out = 0
        self._has_broken = False

    def __iter__(self) -> Iterator[str]:
        """The lines; a byte that is text in no encoding is half of a surrogate pair: see `is_broken`."""
        head = self._stream.read(_HEAD_BYTES)
        self._stream.seek(0)
        mark, encoding = next((each for each in MARKS if head.startswith(each[0])), (b"", ""))
        self._stream.seek(len(mark))
        if not encoding and b"\0" in head and (encoding := wide_encoding(head[: len(head) // 4 * 4]) or ""):
            self._guessed, self._encoding = 1, encoding
        if encoding in {"", "utf-8"}:
            for line in iter(self._next, b""):
                yield from _split(self._text(line))
            return
        wide = io.TextIOWrapper(self._stream, encoding, errors="ingest-mark", newline="")
        try:
            yield from iter(lambda: wide.readline(MAX_LINE), "")
        finally:
            wide.detach()  # it would close the stream, which is not ours

    def is_broken(self, line: str) -> bool:
        """Whether a line, or a part of it, holds bytes that are text in no encoding."""
        return not line.isascii() and bool(_BROKEN.search(line))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was guessed so far, or left out."""
        losses = []
        if self._guessed and self._encoding:
            of_these = f"{self._guessed:,} lines that are " if self._is_mixed else ""
            losses.append(f"{of_these}no UTF-8: read as {label(self._encoding)}")
        if self._repaired:
            losses.append(f"{self._repaired:,} bytes that are no UTF-8, read as {label('cp1252')}")
        told = [Loss(LossKind.BYTES_GUESSED, 1, words) for words in losses]
        if self._left_out:
            words = f"{self._left_out:,} bytes left out, which are text in no encoding"
            told.append(Loss(LossKind.PARTS_LEFT_OUT, 1, words))
        return tuple(told)

    def _next(self) -> bytes:
        if self._ahead:
            self._sound = max(self._sound - 1, 0)
            return self._ahead.popleft()
        return self._stream.readline(MAX_LINE)

    def _text(self, line: bytes) -> str:
        if line.isascii():
            return line.decode()
        if self._encoding is None and not self._is_mixed and not self._sound:
            self._decide(line)
        if self._encoding and not self._is_mixed:
            self._guessed = 1
            return self._known(line, self._encoding, "utf-8")
        text = strictly(line, "utf-8")
        if text is not None:
            self._seen_utf8 = True
            return text
        if self._encoding and is_foreign(line) and (text := strictly(line, self._encoding)) is not None:
            self._guessed += 1
            return text
        text, read, left_out = repaired(line)
        self._repaired, self._left_out = self._repaired + read, self._left_out + left_out
        return text

    def _decide(self, line: bytes) -> None:
        """What this line and some that follow are in."""
        size = len(line)
        while size < _AHEAD_BYTES and (following := self._stream.readline(MAX_LINE)):
            self._ahead.append(following)
            size += len(following)
        lines = [line, *self._ahead]
        sample = b"".join(lines)
        if strictly(sample, "utf-8", cut=True) is not None:
            self._sound = len(self._ahead) + 1
            return
        self._is_mixed = self._seen_utf8 or is_mostly_utf8(sample)
        if not self._is_mixed:
            self._encoding = foreign_encoding(sample)
            return
        foreign = b"".join(line for line in lines if is_foreign(line))
        if sum(byte > 127 for byte in foreign[:_AHEAD_BYTES]) >= _FEW_HIGH_BYTES:
            self._encoding = foreign_encoding(foreign)

    def _known(self, line: bytes, *encodings: str) -> str:
        for encoding in encodings:
            if (text := strictly(line, encoding)) is not None:
                return text
        return line.decode(encodings[0], "ingest-mark")


def _split(text: str) -> Iterator[str]:
    """A line that ends by LF, where lines in it end by CR."""
    if "\r" not in text or text.find("\r") >= len(text) - 2:
        yield text
    else:
        yield from filter(None, _RETURN.findall(text))


def _mark(error: UnicodeError) -> tuple[str, int]:
    """What `is_broken` looks for, in place of bytes that are none."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff" * (error.end - error.start), error.end


codecs.register_error("ingest-mark", _mark)
