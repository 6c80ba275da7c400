"""A process that makes Markdown of documents, one after another, in bounded time and memory.

A request comes on standard input, its answer goes to standard output, each with its length before it. A document
may be made to break what reads it: so nothing here knows a key or an address, and what takes too long or too much
ends the process, not its parent.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import msgspec

from ingest.model import Loss  # noqa: TC001 - msgspec looks at it
from ingest.sources.extraction.extracted import EVERYDAY, Attached, Wanted
from ingest.sources.extraction.formats import Format  # noqa: TC001 - msgspec looks at it
from ingest.sources.extraction.mail import attachments_of
from ingest.sources.extraction.markdown import to_markdown, worth_reading
from ingest.sources.extraction.pdf.pages import PagesRequest, ReadPage, TextRequest
from ingest.sources.extraction.pdf.reading import read_pages, text_of
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ingest.sources.extraction.extracted import Extracted

_LENGTH = struct.Struct(">Q")
_SECONDS_A_PAGE = 0.05  # to make its text a part of the whole
_MAX_FILE_BYTES = 100_000_000  # a library unpacks a part of itself


class Request(msgspec.Struct, array_like=True, tag="document"):
    """A document to make Markdown of, in UTF-8 of at most `max_bytes`."""

    format: Format
    content: bytes
    max_bytes: int
    wanted: Wanted = EVERYDAY


class AttachmentsRequest(msgspec.Struct, array_like=True, tag="attachments"):
    """A message, for what is attached to it."""

    content: bytes


class Answer(msgspec.Struct, array_like=True, tag="answer"):
    """The Markdown and the title; or the reason why there is none. After pages: there are no more."""

    text: str = ""
    title: str | None = None
    reason: str | None = None
    losses: tuple[Loss, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()
    said: dict[str, str] = {}
    attached: tuple[Attached, ...] = ()


Question = Request | PagesRequest | TextRequest | AttachmentsRequest


def send(stream: IO[bytes], message: Question | Answer | ReadPage) -> None:
    """Write a message."""
    encoded = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(encoded)))
    stream.write(encoded)
    stream.flush()


def receive(stream: IO[bytes], kind: Any) -> Any:
    """Read a message; None where there is no whole one any more."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(length)
    encoded = stream.read(size)
    return msgspec.msgpack.decode(encoded, type=kind) if len(encoded) == size else None


def main() -> None:
    """Answer requests until there are no more: `python -m ingest.sources.extraction.worker SECONDS MEGABYTES FOLDER`.

    FOLDER is a temporary one, shared with the other workers: it goes with the parent, also when that is killed.
    """
    seconds, memory_mb, folder = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.environ["TMPDIR"] = folder  # a library unpacks a part of itself
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not disturb the answers
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _bound(memory_mb * 1_000_000)
    while request := receive(sys.stdin.buffer, Question):
        _ring(seconds + _SECONDS_A_PAGE * len(request.pages) if isinstance(request, TextRequest) else seconds)
        for answer in _answers(request):
            _ring(0)
            send(answers, answer)
            _ring(seconds)  # for each page of a PDF
        _ring(0)
    shutil.rmtree(folder, ignore_errors=True)


def _answers(request: Question) -> Iterator[ReadPage | Answer]:
    """What is asked for; of a PDF page by page, and at last an answer to its request."""
    try:
        if isinstance(request, PagesRequest):
            yield from read_pages(request)
            yield Answer()
        elif isinstance(request, AttachmentsRequest):
            yield Answer(attached=attachments_of(request.content))
        else:
            yield _bounded(_whole(request), request.max_bytes)
    except UnreadableError as error:
        yield Answer(reason=str(error))
    except RecursionError:
        yield Answer(reason="its parts are nested too deep")
    except MemoryError:
        yield Answer(reason="it needs more memory than extract_memory_mb")
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - at a damaged file, what is written in Rust panics, which is no Exception
        yield Answer(reason=f"damaged, or what reads it is: {type(error).__name__}")


def _whole(request: Request | TextRequest) -> Extracted:
    if isinstance(request, TextRequest):
        return worth_reading(text_of(request))
    return to_markdown(request.format, request.content, request.wanted)


def _bounded(extracted: Extracted, max_bytes: int) -> Answer:
    if (size := len(extracted.text.encode())) > max_bytes:
        return Answer(reason=f"{size:,} bytes of text, over max_document_bytes ({max_bytes:,})")
    return Answer(
        extracted.text, extracted.title, losses=extracted.losses, pages=extracted.pages, said=dict(extracted.said)
    )


def _ring(seconds: float) -> None:
    """Have the system end this process after so long; 0: no more."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _bound(memory_bytes: int) -> None:
    """Let the system bound what this process takes."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows; macOS may refuse
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


if __name__ == "__main__":
    main()
