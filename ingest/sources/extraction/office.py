"""RTF, XLS and MSG to Markdown, by kreuzberg. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.marks import attached, left_out
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from kreuzberg import ExtractionConfig, ExtractionResult

OUTLOOK = "application/vnd.ms-outlook"
_ATTACHED = "__attach_version1.0_#".encode("utf-16-le")  # how what holds an attachment is called
_LONGEST_REASON = 200
_MIDNIGHT = re.compile(r"(?<=\d{4}-\d\d-\d\d) 00:00:00(?= \|)")
_PICTURE = re.compile(rb"\{\\\*\\shppict|(?<!\\shppict)\{\\pict\b")
_NAMED_PICTURE = re.compile(r"!\[image\]\(image_\d{1,6}\.\w{1,5}\)")  # as kreuzberg writes one
_NOTE = re.compile(rb"\{(?:\\\*)?+\\footnote\b(?:\\ftnalt)?+[ ]?+")
_BRACE = re.compile(rb"\\[\s\S]|[{}]")


def office_document(content: bytes, media_type: str) -> Extracted:
    """A document of this media type.

    Raises:
        UnreadableError: it is damaged or encrypted; or kreuzberg is not installed.
    """
    result = _extracted(content, media_type, "markdown")
    title = result.metadata.get("title")
    return Extracted(clean(result.content), title if isinstance(title, str) else None)


def workbook(content: bytes) -> Extracted:
    """An XLS; its dates without the midnight that is in none of its cells.

    Raises:
        UnreadableError: it is damaged or encrypted; or kreuzberg is not installed.
    """
    found = office_document(content, "application/vnd.ms-excel")
    return found._replace(text=_MIDNIGHT.sub("", found.text))


def outlook_message(content: bytes) -> Extracted:
    """A MSG as any e-mail: subject, people, its text in its lines, attachments by name.

    Raises:
        UnreadableError: it is damaged or encrypted; or kreuzberg is not installed.
    """
    result = _extracted(content, OUTLOOK, "plain")
    head, _, text = clean(result.content).replace("\r\n", "\n").partition("\n\n")
    subject = result.metadata.get("subject")
    title = clean(subject) if isinstance(subject, str) else ""
    lines = [f"- {line}" for line in head.splitlines() if not line.startswith("Subject:")]
    named = result.metadata.get("attachments")
    names = [clean(str(name)) for name in named] if isinstance(named, list) else []
    names += ["a message"] * (content.count(_ATTACHED) - len(names))  # which has no name of a file
    lines = [*([f"# {title}", ""] if title else []), *lines, *(f"- Attachment: {name}" for name in names), "", text]
    return Extracted("\n".join(lines), title or None, attached(names))


def _extracted(content: bytes, media_type: str, written: str) -> ExtractionResult:
    try:
        import kreuzberg
    except ImportError:
        raise UnreadableError("to read it: pip install 'pgvector-ingest[documents]'") from None
    try:
        return kreuzberg.extract_bytes_sync(content, media_type, _config(written))
    except kreuzberg.KreuzbergError as error:
        raise UnreadableError(_reason(str(error))) from None


def rich_text(content: bytes) -> Extracted:
    """An RTF, its notes in brackets where they are called.

    Raises:
        UnreadableError: it is damaged; or kreuzberg is not installed.
    """
    pictures = len(_PICTURE.findall(content))
    extracted = office_document(_with_notes(content), "application/rtf")
    text = _NAMED_PICTURE.sub("", extracted.text)
    return extracted._replace(text=text, losses=(*extracted.losses, *left_out({"picture": pictures})))


def _with_notes(content: bytes) -> bytes:
    """RTF with its notes as text in brackets: kreuzberg passes over them."""
    pieces = []
    end = 0
    for note in _NOTE.finditer(content):
        if note.start() < end:
            continue
        depth = 1
        close = note.end()
        for mark in _BRACE.finditer(content, note.end()):
            depth += {b"{": 1, b"}": -1}.get(mark[0], 0)
            if not depth:
                close = mark.start()
                break
        pieces += [
            content[end : note.start()],
            b"{ [",
            content[note.end() : close].replace(b"\\pard", b"").replace(b"\\chftn", b""),
            b"]",
        ]
        end = close
    return b"".join([*pieces, content[end:]])


@cache
def _config(written: str) -> ExtractionConfig:
    from kreuzberg import ConcurrencyConfig, ContentFilterConfig, ExtractionConfig

    return ExtractionConfig(
        output_format=written,
        # What repeats from page to page goes; left to itself it also takes the first line of a one-page letter.
        content_filter=ContentFilterConfig(include_headers=True, include_footers=True, strip_repeating_text=True),
        disable_ocr=True,  # type: ignore[call-arg]  # its types have not heard of it
        enable_quality_processing=False,  # it leaves words out
        use_cache=False,
        concurrency=ConcurrencyConfig(max_threads=1),  # as many files at once as there are workers
    )


def _reason(message: str) -> str:
    """Why a document could not be read, in one line."""
    if re.search("password|encrypt", message, re.IGNORECASE):
        return "encrypted"
    return "damaged: " + " ".join(message.split())[:_LONGEST_REASON]
