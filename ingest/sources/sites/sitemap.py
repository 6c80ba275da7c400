"""Sitemaps (sitemaps.org): the pages that a site lists, and the sitemaps that an index lists."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, NamedTuple

from lxml import etree

from ingest.sources.safe_xml import SAFE_XML
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 52_428_800  # unpacked, by the protocol
_GZIP = b"\x1f\x8b"


class Listed(NamedTuple):
    """A URL that stands in a sitemap; `modified`: when its page changed, as it says, else empty."""

    url: str
    modified: str
    is_sitemap: bool


def read_sitemap(content: bytes) -> Iterator[Listed]:
    """What a sitemap lists, in its order; one in text has a URL in each line.

    Raises:
        UnreadableError: it is damaged, or none: what was listed until then is.
    """
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = content.decode("utf-8-sig", "replace").split()
        if not all(line.startswith(("http://", "https://")) for line in lines):
            raise UnreadableError("it is no sitemap")
        yield from (Listed(line, "", is_sitemap=False) for line in lines)
        return
    url = modified = root = ""
    try:
        for event, element in etree.iterparse(io.BytesIO(content), events=("start", "end"), **SAFE_XML):
            name = str(element.tag).rpartition("}")[2].lower()
            if event == "start":
                root = root or name
                if root not in {"urlset", "sitemapindex"}:
                    raise UnreadableError("it is no sitemap")
                continue
            above = element.getparent()
            is_part = above is not None and str(above.tag).rpartition("}")[2].lower() in {"url", "sitemap"}
            if name == "loc" and is_part:
                url = (element.text or "").strip()
            elif name == "lastmod" and is_part:
                modified = (element.text or "").strip()[:40]
            elif name in {"url", "sitemap"}:
                if url:
                    yield Listed(url, modified, name == "sitemap")
                url = modified = ""
                element.clear()
                while above is not None and element.getprevious() is not None:
                    del above[0]
    except etree.XMLSyntaxError as error:
        raise UnreadableError(f"damaged: {str(error)[:150]}") from None


def _unpacked(content: bytes) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        whole = decoder.decompress(content, MOST_BYTES + 1)
    except zlib.error:
        raise UnreadableError("damaged: it cannot be unpacked") from None
    if len(whole) > MOST_BYTES:
        raise UnreadableError(f"unpacks to more than {MOST_BYTES:,} bytes")
    if not decoder.eof:
        raise UnreadableError("damaged: it breaks off")
    return whole
