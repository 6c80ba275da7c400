"""The parts of a document that is a ZIP archive, and their XML: bounded, and without anything from outside."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lxml import etree

from ingest.sources.safe_xml import SAFE_XML
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_PART_BYTES = 100_000_000
_DECLARATIONS = re.compile(rb"<!DOCTYPE[^\[<>]*+(?:\[[^\]]*+\]\s*+)?+>")
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_STRICT = "http://purl.oclc.org/ooxml/"
_TRANSITIONAL = {
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    b"http://purl.oclc.org/ooxml/spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/presentationml/main": b"http://schemas.openxmlformats.org/presentationml/2006/main",
    b"http://purl.oclc.org/ooxml/drawingml/main": b"http://schemas.openxmlformats.org/drawingml/2006/main",
    b"http://purl.oclc.org/ooxml/drawingml/chart": b"http://schemas.openxmlformats.org/drawingml/2006/chart",
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ),
}


class Package:
    """A document's parts by their names.

    Raises:
        UnreadableError: they cannot be listed; as does reading one that is damaged or too large.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise UnreadableError("damaged: its parts cannot be listed") from None
        self.names = frozenset(self._archive.namelist())

    def part(self, name: str) -> bytes | None:
        """A part as it is; None where there is none."""
        if name not in self.names:
            return None
        size = self._archive.getinfo(name).file_size
        if size > _MAX_PART_BYTES:
            raise UnreadableError(
                f"damaged: the uncompressed size of {name}, {size:,}, exceeds limit ({_MAX_PART_BYTES:,})"
            )
        try:
            with self._archive.open(name) as stream:
                return stream.read(_MAX_PART_BYTES)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
            raise UnreadableError(f"damaged: {name} cannot be unpacked") from None

    def xml(self, name: str) -> etree._Element | None:
        """The root of a part; None where there is none."""
        content = self.part(name)
        return parsed(content, name) if content is not None else None

    def related(self, name: str) -> dict[str, str]:
        """The parts that a part names, by the identifiers that it has for them."""
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found = {}
        for relation in root.iter(_RELATION) if root is not None else ():
            if relation.get("TargetMode") != "External":
                target = unquote(relation.get("Target", ""))
                target = (
                    target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                )
                found[relation.get("Id", "")] = target
        return found

    def below(self, *beginnings: str) -> list[str]:
        """The names of the parts that begin so."""
        return sorted(name for name in self.names if name.startswith(beginnings))

    def number_of(self, element: str, *beginnings: str) -> int:
        """How many elements of this name are in the parts whose names begin so."""
        roots = (self.xml(name) for name in self.below(*beginnings) if name.endswith(".xml"))
        return sum(local(each) == element for root in roots if root is not None for each in root.iter())

    def number_of_macros(self) -> int:
        """How many parts hold macros."""
        return sum(name.endswith("vbaProject.bin") for name in self.names)

    def title(self) -> str | None:
        """The title that the document gives itself."""
        root = self.xml("docProps/core.xml")
        title = root.find("{http://purl.org/dc/elements/1.1/}title") if root is not None else None
        return title.text if title is not None else None


def parsed(content: bytes, name: str) -> etree._Element:
    """The root of an XML document. Entities are not resolved, nothing is fetched, and the parser bounds its depth."""
    if _STRICT.encode() in content[:20_000]:
        for strict, usual in _TRANSITIONAL.items():
            content = content.replace(strict, usual)
    # Office documents declare no entities: what does is without them, and what they would stand for is left out.
    at = content.find(b"<!DOCTYPE")
    declared = _DECLARATIONS.match(content, at) if at >= 0 else None
    plain = content[:at] + content[declared.end() :] if declared else content
    parser = etree.XMLParser(recover=plain != content, **SAFE_XML)
    try:
        return etree.fromstring(plain, parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise UnreadableError("its parts are nested too deep") from None
        raise UnreadableError(f"damaged: {name}: {str(error)[:120]}") from None


def local(element: etree._Element) -> str:
    """The name of an element without its namespace; nothing for what is none, such as an entity."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def words_in(element: etree._Element | None) -> str:
    """All text of an element, whatever is in it."""
    return "".join(map(str, element.itertext())) if element is not None else ""


def children(element: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """The children of an element with this name, whatever the namespace."""
    if element is not None:
        yield from (child for child in element if local(child) == name)


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first child by this name, then its by the next."""
    for name in path:
        element = next(children(element, name), None)
    return element


def value(element: etree._Element | None, name: str = "val") -> str | None:
    """An attribute by its name, whatever the namespace."""
    if element is None:
        return None
    for key, text in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(text)
    return None
