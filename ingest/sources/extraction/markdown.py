"""Documents to Markdown, by libraries made for it. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.extraction.formats import Format, compound_type, package_type
from ingest.sources.text import BOMS, UnreadableError, clean, decode, decode_as

if TYPE_CHECKING:
    from email.message import EmailMessage

    from html_to_markdown import NodeContext
    from kreuzberg import ExtractionConfig

_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"""<(?:meta|\?xml)\b[^<>]*?\b(?:charset|encoding)\s*+=\s*+["']?+([\w-]++)""", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^<>]*+>((?:[^<]|<(?!/?title))++)</title", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} ++([^\n]++)", re.MULTILINE)
_LONGEST_REASON = 200
_MAIL_HEADERS = ("From", "To", "Date")


class Extracted(NamedTuple):
    """A document's text as Markdown, and the title that the document gives itself."""

    text: str
    title: str | None = None


def to_markdown(format_: Format, content: bytes) -> Extracted:
    """The text of a document.

    Raises:
        UnreadableError: it is damaged, encrypted or holds no text; or the library that reads it is not installed.
    """
    match format_:
        case Format.HTML:
            source = decode_html(content)
            named = _TITLE.search(source)
            extracted = Extracted(html_to_markdown(source), html.unescape(named[1]) if named else None)
        case Format.EMAIL:
            extracted = _email(content)
        case Format.PDF:
            # The title that a PDF gives itself is often the name of a template.
            extracted = Extracted(_extract(content, "application/pdf").text)
        case Format.PACKAGE:
            extracted = _extract(content, package_type(content))
        case Format.COMPOUND:
            extracted = _extract(content, compound_type(content))
        case Format.RTF:
            extracted = _extract(content, "application/rtf")
    if not extracted.text.strip():
        raise UnreadableError("no text in it: a scan, or empty")
    title: str | None = " ".join((extracted.title or "").split())
    if not title:
        heading = _HEADING.search(extracted.text)
        title = heading[1].rstrip() if heading else None
    return extracted._replace(title=title)


def decode_html(content: bytes) -> str:
    """The text of an HTML file, by the encoding that it names; else as any text."""
    declared = _CHARSET.search(content[:_HEAD_BYTES])
    if declared and not content.startswith(tuple(bom for bom, _ in BOMS)):
        text = decode_as(content, declared[1].decode("ascii", "replace"))
        if text is not None:
            return text
    return decode(content)


def html_to_markdown(source: str) -> str:
    """HTML as Markdown, without navigation and without what leads elsewhere: an image is the words that stand for it.

    Raises:
        UnreadableError: it is nested too deep.
    """
    from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

    options = ConversionOptions(
        # Whole pages stand inside a form; the heading of an article stands in a <header>.
        preprocessing=PreprocessingOptions(remove_navigation=False, remove_forms=False),
        exclude_selectors=["nav", "[role=navigation]", "iframe", "frame", "embed"],
        strip_tags=["a", "video", "audio", "object"],
        inline_data_media="alt_text_only",
        extract_metadata=False,
    )
    result = convert(source, options, _WordsForImages())  # type: ignore[arg-type]  # a method that is missing is not called
    if any(str(warning.kind) == "depth_limit_exceeded" for warning in result.warnings):
        raise UnreadableError("its elements are nested too deep")
    return clean(result.content or "")


class _WordsForImages:
    """An image's own text in its place, and not its address: whoever shows the passage would fetch that."""

    def visit_image(self, _context: NodeContext, _source: str, words: str, _title: str) -> dict[str, str]:
        return {"type": "custom", "output": " ".join(words.split())}


def _email(content: bytes) -> Extracted:
    """A message: who wrote when to whom, and its body, the plain one where there are two; attachments by name."""
    from email import policy
    from email.parser import BytesParser

    message: EmailMessage = BytesParser(policy=policy.default).parsebytes(content)
    subject = str(message["Subject"] or "").strip()
    lines = [f"# {subject}", ""] if subject else []
    lines += [f"- {name}: {message[name]}" for name in _MAIL_HEADERS if message[name]]
    lines += [f"- Attachment: {name}" for part in message.walk() if (name := part.get_filename())]
    texts = (part for part in message.walk() if part.get_content_maintype() == "text")
    body = message.get_body(("plain", "html")) or next(texts, None)
    text = ""
    if body is not None:
        payload = body.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        is_html, charset = body.get_content_type() == "text/html", body.get_content_charset()
        named = decode_as(content, charset) if charset else None
        text = named if named is not None else (decode_html if is_html else decode)(content)
        if is_html:
            text = html_to_markdown(text)
    return Extracted("\n".join([*lines, "", clean(text.replace("\r\n", "\n"))]), subject)


def _extract(content: bytes, media_type: str) -> Extracted:
    try:
        import kreuzberg
    except ImportError:
        raise UnreadableError("to read it: pip install 'pgvector-ingest[documents]'") from None
    try:
        result = kreuzberg.extract_bytes_sync(content, media_type, _config())
    except kreuzberg.KreuzbergError as error:
        raise UnreadableError(_reason(str(error))) from None
    title = result.metadata.get("title")
    return Extracted(clean(result.content), title if isinstance(title, str) else None)


@cache
def _config() -> ExtractionConfig:
    from kreuzberg import ConcurrencyConfig, ContentFilterConfig, ExtractionConfig

    return ExtractionConfig(
        output_format="markdown",
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
