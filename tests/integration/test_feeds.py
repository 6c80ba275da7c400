"""Feeds as sources, from a real server on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from web_sites import Site, serving

from ingest.sources.extraction.workers import DEFAULT_LIMITS
from ingest.sources.files import Files
from ingest.sources.sites.feed import FeedEntry, read_feed
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

ROOT = "feed+https://a.example/feed.xml"
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title><link>https://a.example/</link>{}</channel></rss>"""
ITEM = """<item><title>Entry {0} &amp; more</title><link>https://a.example/{0}</link><guid>{0}</guid>
<description>A summary</description>
<content:encoded><![CDATA[<p>Words of {0}, <b>all</b> of them.</p>]]></content:encoded>
<pubDate>Sat, 21 Nov 2026 12:00:0{0} GMT</pubDate><dc:creator>Ada</dc:creator></item>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><title type="html">One</title><link rel="self" href="/x"/><link href="/one"/><id>tag:1</id>
<updated>2026-11-20T10:00:00Z</updated><author><name>Ada</name></author><summary>short</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Words of <em>one</em>.</p></div></content></entry>
<entry><title>Two</title><id>tag:2</id><content type="text">1 &lt; 2 of two</content></entry>
<entry><title>Three</title><link href="/three"/><content src="https://a.example/3" type="text/html"/></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Old</title></channel>
<item><title>One</title><link>https://a.example/one</link><description>Words</description><dc:date>2026-11-20</dc:date></item>
</rdf:RDF>"""


@pytest.fixture(name="site")
def _site() -> Iterator[Site]:
    with serving() as site:
        yield site


def rss(*numbers: int) -> bytes:
    return RSS.format("".join(ITEM.format(number) for number in numbers)).encode()


def entries(content: bytes) -> list[FeedEntry]:
    return [entry for entry in read_feed(content, ROOT, DEFAULT_LIMITS) if isinstance(entry, FeedEntry)]


def test_an_entry_is_a_document(site: Site, workshop: Workshop) -> None:
    given = f"feed+{site.put('/feed', rss(1, 2))}"
    with workshop.pipeline() as pipeline:
        first, again = pipeline.run([given]), pipeline.run([given])

    assert (first.sync.documents_new, again.sync.documents_unchanged, again.tokens) == (2, 2, 0)
    uri, title, metadata = workshop.query("SELECT uri, title, metadata FROM documents ORDER BY uri")[0]
    assert (uri, title) == ("https://a.example/1", "Entry 1 & more")
    assert (metadata["published"], metadata["author"]) == ("2026-11-21T12:00:01+00:00", "Ada")
    (content, headings), *_ = workshop.query("SELECT content, headings FROM chunks ORDER BY id")
    assert content.strip() == "Words of 1, **all** of them."
    assert headings == ["Entry 1 & more"]


def test_an_entry_that_has_left_the_feed_is_not_gone(site: Site, workshop: Workshop) -> None:
    url = site.put("/feed", rss(1, 2))
    for source in (Files([f"feed+{url}"]), Files([f"feed+{url}"], source="news")):
        with workshop.pipeline() as pipeline:
            site.put("/feed", rss(1, 2))
            pipeline.sync(source)
            site.put("/feed", rss(2, 3).replace(b"Words of 2", b"New words of 2"))
            report = pipeline.sync(source)
            kept = workshop.query("SELECT uri FROM documents ORDER BY uri")
            pipeline.remove(source.source or f"feed+{url}")

        assert (report.documents_new, report.documents_changed, report.documents_gone) == (1, 1, 0)
        assert len(kept) == 3


def test_a_feed_that_is_out_of_reach_or_broken_is_told_and_nothing_is_gone(site: Site, workshop: Workshop) -> None:
    workshop.write("a.md", "what stays readable")
    paths = [str(workshop.folder), f"feed+{site.put('/feed', rss(1, 2))}"]
    with workshop.pipeline() as pipeline:
        pipeline.sync(paths)
        for status, content in ((500, b""), (404, b""), (200, b"<html></html>"), (200, b""), (200, rss(1, 2)[:-150])):
            site.put("/feed", content, status=status)
            report = pipeline.sync(paths)
            assert report.documents_gone == 0
            assert report.skipped_count == (not content.startswith(b"<?xml"))


def test_atom_and_the_first_rss_are_read() -> None:
    one, two, three = entries(ATOM.encode())
    (old,) = entries(RDF.encode())

    assert (one.uri, one.title, one.author) == ("https://a.example/one", "One", "Ada")
    assert one.published == "2026-11-20T10:00:00+00:00"
    assert one.read(1000).text.strip() == "Words of *one*."
    assert two.uri == "https://a.example/feed.xml#tag%3A2"
    assert two.read(1000).text.strip() == "1 < 2 of two"
    assert (three.title, three.content, three.read(1000).text) == ("Three", "", "Three")
    assert (old.uri, old.published, old.content) == ("https://a.example/one", "2026-11-20T00:00:00", "Words")


@pytest.mark.parametrize(
    "content",
    [
        b"<" * 1_000_000,
        b"<rss>" + b"<item>" * 200_000,
        b"<rss><channel>" + b"&" * 1_000_000,
        b"\0" * 1000,
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + place, (b"&%c;" % (97 + place)) * 10) for place in range(9))
        + b"]><rss><channel><item><title>x &j;</title></item></channel></rss>",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>x &x;</title></item></rss>',
    ],
    ids=[str(number) for number in range(6)],
)
def test_what_does_harm_does_none(content: bytes) -> None:
    try:
        found = entries(content)
    except UnreadableError:
        return
    assert sum(len(entry.title) + len(entry.content) for entry in found) < 100
