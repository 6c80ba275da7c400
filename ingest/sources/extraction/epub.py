"""EPUB to Markdown: its chapters in order, pages of HTML. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from ingest.model import Loss, LossKind
from ingest.sources.extraction.extracted import EVERYDAY, Extracted
from ingest.sources.extraction.html import decode_html, html_to_markdown
from ingest.sources.safe_xml import SAFE_XML
from ingest.sources.text import UnreadableError, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

    from ingest.sources.extraction.extracted import Wanted

_CONTAINER = "META-INF/container.xml"
_CHAPTERS = {"application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml"}
_SHOWN_PARTS = 3
_DAMAGED = (KeyError, EOFError, NotImplementedError, OSError, ValueError, zipfile.BadZipFile, zlib.error)


class _Chapter(NamedTuple):
    """A part of the book, where it lies in the package."""

    path: str
    media_type: str


def book(content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """A book's chapters, without its table of contents; what cannot be read of them is told.

    Raises:
        UnreadableError: it is damaged or encrypted.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        try:
            path = unquote(next(_named(_xml(package, _CONTAINER), "rootfile")).get("full-path", ""))
            listed = _xml(package, path)
        except (*_DAMAGED, StopIteration):
            raise UnreadableError("damaged: its chapters cannot be listed") from None
        encrypted = _encrypted(package)
        texts: list[str] = []
        lost: list[str] = []
        for chapter in _chapters(listed, posixpath.dirname(path)):
            if chapter.path in encrypted:
                raise UnreadableError("encrypted")
            text = _text(package, chapter, wanted)
            if text is None:
                lost.append(posixpath.basename(chapter.path))
            else:
                texts.append(text)
    title = next(("".join(map(str, each.itertext())) for each in _named(listed, "title")), None)
    return Extracted("\n\n".join(filter(None, texts)) + "\n", clean(title) if title else None, _losses(lost))


def _text(package: zipfile.ZipFile, chapter: _Chapter, wanted: Wanted) -> str | None:
    """A chapter's text; None where it is missing, damaged or no page."""
    if chapter.media_type not in _CHAPTERS:
        return None
    try:
        source = decode_html(package.read(chapter.path))[0]
    except (*_DAMAGED, UnreadableError):
        return None
    return html_to_markdown(source, wanted).strip()


def _chapters(listed: _Element, folder: str) -> Iterator[_Chapter]:
    """What the book is read in, by its own list; without one, each of its pages."""
    parts: dict[str, _Chapter] = {}
    contents = {
        each.get("href", "").partition("#")[0] for each in _named(listed, "reference") if each.get("type") == "toc"
    }
    for item in _named(listed, "item"):
        href = item.get("href", "").partition("#")[0]
        if href and href not in contents and "nav" not in item.get("properties", "").split():
            path = posixpath.normpath(posixpath.join(folder, unquote(href)))
            parts[item.get("id", href)] = _Chapter(path, item.get("media-type", "").lower())
    named = [parts[each] for item in _named(listed, "itemref") if (each := item.get("idref", "")) in parts]
    yield from dict.fromkeys(named or [part for part in parts.values() if part.media_type in _CHAPTERS])


def _encrypted(package: zipfile.ZipFile) -> set[str]:
    """The parts that are encrypted; fonts may be, in books that are open."""
    try:
        listed = _xml(package, "META-INF/encryption.xml")
    except _DAMAGED:
        return set()
    return {unquote(each.get("URI", "")) for each in _named(listed, "CipherReference")}


def _xml(package: zipfile.ZipFile, path: str) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(recover=True, **SAFE_XML)
    try:
        root: _Element | None = etree.fromstring(package.read(path), parser)
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        raise ValueError(path)
    return root


def _named(root: _Element, name: str) -> Iterator[_Element]:
    return root.iter(f"{{*}}{name}")


def _losses(lost: list[str]) -> tuple[Loss, ...]:
    if not lost:
        return ()
    shown = ", ".join(islice(lost, _SHOWN_PARTS)) + ("…" if len(lost) > _SHOWN_PARTS else "")
    return (
        Loss(LossKind.PARTS_LEFT_OUT, len(lost), f"chapters that are missing, damaged or no pages: {clean(shown)}"),
    )
