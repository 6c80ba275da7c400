"""HTML to Markdown, by html-to-markdown. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.sources.encodings import Decoded, decoded
from ingest.sources.extraction.extracted import EVERYDAY, Extracted
from ingest.sources.extraction.html_tree import parse, text_of_page
from ingest.sources.extraction.html_writer import written
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from lxml.etree import _Element

    from ingest.sources.extraction.extracted import Wanted

_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"""<(?:meta|\?xml)\b[^<>]*?\b(?:charset|encoding)\s*+=\s*+["']?+([\w-]++)""", re.IGNORECASE)


def page(content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """An HTML file.

    Raises:
        UnreadableError: it is nested too deep.
    """
    source, losses = decode_html(content)
    text, title = _converted(source, wanted)
    return Extracted(text, title, losses)


def decode_html(content: bytes, said: str | None = None) -> Decoded:
    """The text of an HTML file, by the encoding that what brought it says, or that it names; else as any text."""
    declared = _CHARSET.search(content[:_HEAD_BYTES])
    return decoded(content, said or (declared[1].decode("ascii", "replace") if declared else None))


def html_to_markdown(source: str, wanted: Wanted = EVERYDAY) -> str:
    """HTML as Markdown, without navigation and without what leads elsewhere: an image is the words that stand for it.

    Raises:
        UnreadableError: it is nested too deep.
    """
    return _converted(source, wanted)[0]


def _converted(source: str, wanted: Wanted) -> tuple[str, str | None]:
    """A page's text as Markdown, and its title."""
    from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

    root = parse(clean(source))
    if root is None:
        return "", None
    options = ConversionOptions(
        preprocessing=PreprocessingOptions(enabled=False),  # nothing is left to remove
        br_in_tables=False,
        autolinks=False,
        extract_metadata=False,
    )
    result = convert(page_text(root, wanted), options)
    if any(str(warning.kind) == "depth_limit_exceeded" for warning in result.warnings):
        raise UnreadableError("its elements are nested too deep")
    return clean(result.content or ""), root.findtext("head/title")


def page_text(root: _Element, wanted: Wanted) -> str:
    """The HTML of a page's text: that of its main element, below the page's only heading of the first level."""
    text = text_of_page(root, main_text=wanted.html_main_text)
    parts = (text.base,) if text.title is None else (text.title, text.base)
    return "".join(written(part, text.left_out, links=wanted.html_links) for part in parts)
