"""HTML to Markdown, by html-to-markdown. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from ingest.sources.encodings import Decoded, decoded
from ingest.sources.extraction.extracted import EVERYDAY, Extracted
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from html_to_markdown import NodeContext

    from ingest.sources.extraction.extracted import Wanted

_NAVIGATION = ("nav", "[role=navigation]")
_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"""<(?:meta|\?xml)\b[^<>]*?\b(?:charset|encoding)\s*+=\s*+["']?+([\w-]++)""", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^<>]*+>((?:[^<]|<(?!/?title))++)</title", re.IGNORECASE)


def page(content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """An HTML file.

    Raises:
        UnreadableError: it is nested too deep.
    """
    source, losses = decode_html(content)
    named = _TITLE.search(source)
    return Extracted(html_to_markdown(source, wanted), html.unescape(named[1]) if named else None, losses)


def decode_html(content: bytes, said: str | None = None) -> Decoded:
    """The text of an HTML file, by the encoding that what brought it says, or that it names; else as any text."""
    declared = _CHARSET.search(content[:_HEAD_BYTES])
    return decoded(content, said or (declared[1].decode("ascii", "replace") if declared else None))


def html_to_markdown(source: str, wanted: Wanted = EVERYDAY) -> str:
    """HTML as Markdown, without navigation and without what leads elsewhere: an image is the words that stand for it.

    Raises:
        UnreadableError: it is nested too deep.
    """
    from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

    options = ConversionOptions(
        # Whole pages stand inside a form; the heading of an article stands in a <header>.
        preprocessing=PreprocessingOptions(remove_navigation=False, remove_forms=False),
        exclude_selectors=[*(_NAVIGATION if wanted.html_main_text else ()), "iframe", "frame", "embed"],
        strip_tags=["video", "audio", "object", *(() if wanted.html_links else ("a",))],
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
