"""Sites as sources: crawled, or by their sitemaps, from a real server on this machine; traps and all."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from web_sites import Site, serving

from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.sites.names import Bounds
from ingest.sources.sites.site import FORBIDDEN
from ingest.sources.sites.site_page import SitePage
from ingest.sources.source import DEAD_LINK, IGNORED, Skipped
from ingest.sources.text import BINARY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

TEXT = "All that there is to be said of it, in some words more than a few."


@pytest.fixture(name="site")
def _site() -> Iterator[Site]:
    with serving() as site:
        yield site


def put(site: Site, path: str, *links: str, text: str = TEXT, head: str = "", **headers: str) -> str:
    anchors = "".join(f'<p><a href="{link}">more</a></p>' for link in links)
    page = f"<html><head><title>{path}</title>{head}</head><body><h1>{path}</h1><p>{text} {path}</p>{anchors}</body>"
    return site.put(path, page.encode(), status=200, **headers, Content_Type="text/html; charset=utf-8")


def pages(given: str, **told: Any) -> list[str]:
    return [
        item.uri.partition("//")[2].partition("/")[2] for item in _items(given, **told) if isinstance(item, SitePage)
    ]


def skipped(given: str, **told: Any) -> dict[str, Skipped]:
    found = (item for item in _items(given, **told) if isinstance(item, Skipped))
    return {_path(item.name): item for item in found}


def _path(uri: str) -> str:
    return uri.partition("//")[2].partition("/")[2]


def _items(given: str, **told: Any) -> list[Any]:
    return list(Files([given], **told).items())


def got(site: Site) -> list[str]:
    return [path for _, path in site.asked if path != "/robots.txt"]


def uris(workshop: Workshop) -> list[str]:
    return [
        uri.partition("//")[2].partition("/")[2] for (uri,) in workshop.query("SELECT uri FROM documents ORDER BY 1")
    ]


def test_a_crawl_reads_the_site_below_its_path_and_no_other(site: Site) -> None:
    with serving() as other:
        start = put(site, "/guide/", "a.html", "/blog/", f"{other.address}/guide/x", "a.html#part", "mailto:a@b", "b/c")
        put(site, "/guide/a.html", "../guide/./b/c", "/guide/", "a.png", "gone.html", "moved")
        put(site, "/guide/b/c", "/guide/paper.pdf", "/guide/style.css?x", "/guide/notes.txt", "//[", "http://[::1", "")
        put(site, "/blog/")
        put(site, "/guide/new")
        site.put("/guide/moved", status=301, Location="/guide/new")
        site.put("/guide/notes.txt", b"words", Content_Type="text/plain")
        site.put("/guide/paper.pdf", b"%PDF-", Content_Type="application/pdf")
        site.put("/guide/style.css?x", b"p {}", Content_Type="text/css")

        found, told = pages(f"crawl+{start}"), skipped(f"crawl+{start}")

        assert found == ["guide/", "guide/a.html", "guide/b/c", "guide/paper.pdf", "guide/notes.txt", "guide/new"]
        assert {name: item.reason for name, item in told.items()} == {
            "guide/a.png": BINARY,
            "guide/gone.html": DEAD_LINK,
            "guide/style.css?x": BINARY,
        }
        assert not other.asked
        assert "/blog/" not in got(site)


def test_an_unchanged_night_costs_few_bytes_and_nothing_else(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/tagged", "/plain", ETag='"1"')
    put(site, "/tagged", "/behind", ETag='"2"')
    put(site, "/plain")
    put(site, "/behind", ETag='"3"')
    with workshop.pipeline() as pipeline:
        first = pipeline.run([f"crawl+{start}"])
        paid, site.sent = workshop.emulator.ledger()["tokens"], 0
        second = pipeline.run([f"crawl+{start}"])
        sent = site.sent
        put(site, "/tagged", "/behind", text="Other words.", ETag='"4"')
        third = pipeline.run([f"crawl+{start}"])

    assert (first.sync.documents_new, second.sync.documents_unchanged, second.sync.bytes_read) == (4, 4, 0)
    assert sent == len(site.pages["/plain"][2])
    assert workshop.emulator.ledger()["tokens"] > paid
    assert (third.sync.documents_changed, third.sync.documents_unchanged, third.sync.documents_gone) == (1, 3, 0)
    assert uris(workshop) == ["", "behind", "plain", "tagged"]


def test_a_page_that_was_not_sent_is_fetched_where_the_corpus_lacks_it(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/a", ETag='"1"')
    put(site, "/a", ETag='"2"')
    with workshop.pipeline() as pipeline:
        pipeline.sync([f"crawl+{start}"])
        pipeline.remove(f"{site.address}/a")
        again = pipeline.sync([f"crawl+{start}"])

    assert (again.documents_new, again.documents_unchanged) == (1, 1)


def test_a_page_that_fails_is_not_gone_and_neither_is_what_it_leads_to(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/a", "/b", "/new")
    put(site, "/a", "/behind")
    put(site, "/behind")
    put(site, "/b")
    put(site, "/new")
    with workshop.pipeline() as pipeline:
        pipeline.sync([f"crawl+{start}"])
        site.put("/a", status=500)
        site.put("/b", status=404)
        site.put("/new", status=410)
        report = pipeline.sync([f"crawl+{start}"])

    assert uris(workshop) == ["", "a", "behind"]
    assert (report.documents_gone, report.skipped_count, report.skipped_dead_links) == (2, 1, 2)
    assert "what was read before stays" in report.skipped[0].reason


def test_nothing_is_gone_where_nobody_knows_what_a_page_led_to(site: Site, workshop: Workshop, tmp_path: Path) -> None:
    start = put(site, "/", "/a")
    put(site, "/a", "/behind")
    put(site, "/behind")
    with workshop.pipeline() as pipeline:
        pipeline.sync([f"crawl+{start}"])
    site.put("/a", status=500)
    with workshop.pipeline(data_dir=tmp_path / "another machine") as pipeline:
        report = pipeline.sync([f"crawl+{start}"])

    assert (report.documents_gone, uris(workshop)) == (0, ["", "a", "behind"])


@pytest.mark.parametrize("how", ["start is gone", "start leads away", "robots fail", "all fail", "closed"])
def test_a_site_that_is_not_there_takes_nothing_away(site: Site, workshop: Workshop, how: str) -> None:
    workshop.write("a.md", "what stays readable")
    start = put(site, "/", "/a")
    put(site, "/a")
    paths = [str(workshop.folder), f"crawl+{start}"]
    with workshop.pipeline() as pipeline:
        pipeline.sync(paths)
        if how == "closed":
            paths = [str(workshop.folder), "crawl+http://127.0.0.1:9/"]
        if how == "robots fail":
            site.put("/robots.txt", status=503)
        site.put(
            "/", status={"start is gone": 404, "start leads away": 302}.get(how, 500), Location="https://a.example/"
        )
        site.put("/a", status=500)
        report = pipeline.sync(paths)

    assert (report.documents_gone, len(uris(workshop))) == (0, 3)
    assert report.skipped_count >= 1


def test_robots_txt_is_kept(site: Site) -> None:
    start = put(site, "/", "/open/a", "/open/secret.html", "/private/a", "/private/but/this")
    for path in ("/open/a", "/open/secret.html", "/private/a", "/private/but/this"):
        put(site, path)
    site.put(
        "/robots.txt",
        b"User-agent: *\nDisallow: /\n\nUser-agent: PGVECTOR-INGEST # us\nDisallow: /private/\nAllow: /private/but/\n"
        b"Disallow: /*secret*.html$\nCrawl-delay: 0.01\n",
    )

    assert pages(f"crawl+{start}") == ["", "open/a", "private/but/this"]
    assert skipped(f"crawl+{start}")["private/a"] == Skipped(f"{site.address}/private/a", IGNORED, detail=FORBIDDEN)
    site.asked.clear()
    site.put("/robots.txt", b"User-agent: *\nDisallow: /")
    assert skipped(f"crawl+{start}")[""].is_folder
    assert got(site) == []
    site.put("/robots.txt", b"User-agent: *\nCrawl-delay: 1e9")
    assert "too slow" in skipped(f"crawl+{start}")[""].reason


def test_what_a_page_says_of_itself_is_kept(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/a?utm=1", "/a", "/noindex", "/header", "/nofollow", "/elsewhere")
    canonical = '<link rel="canonical" href="/a">'
    put(site, "/a?utm=1", head=canonical)
    put(site, "/a", head=canonical, Last_Modified="Sat, 21 Nov 2026 12:00:00 GMT")
    put(site, "/noindex", "/behind", head='<meta name="robots" content="NOINDEX">')
    put(site, "/header", X_Robots_Tag="none")
    put(site, "/nofollow", "/never", head='<meta name="robots" content="nofollow">')
    put(site, "/elsewhere", head='<link rel="canonical" href="https://evil.example/">')
    put(site, "/behind")
    with workshop.pipeline() as pipeline:
        report = pipeline.sync([f"crawl+{start}"])

    assert uris(workshop) == ["", "a", "behind", "elsewhere", "nofollow"]
    assert report.skipped_ignored == 3
    ((title, metadata),) = workshop.query("SELECT title, metadata FROM documents WHERE right(uri, 2) = '/a'")
    assert (title, metadata["url"]) == ("/a?utm=1", f"{site.address}/a")
    assert "/never" not in got(site)


def test_a_trap_of_links_without_an_end_is_bounded_and_nothing_is_gone(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/trap?n=0", "/a")
    put(site, "/a")
    for number in range(100):
        put(site, f"/trap?n={number}", f"/trap?n={number + 1}", *(f"/trap?x={number}-{i}" for i in range(50)))
    with workshop.pipeline(crawl_pages=10) as pipeline:
        first = pipeline.sync([f"crawl+{start}"])
        asked = len(got(site))
        site.pages["/a"] = (404, {}, b"")
        second = pipeline.sync([f"crawl+{start}"])
    left_out = pages(f"crawl+{start}", exclude=["trap[?]*"])

    assert asked == 10
    assert "more pages than 10 (crawl_pages)" in first.skipped[0].reason
    assert second.documents_gone == 0
    assert left_out == [""]


def test_depth_is_bounded(site: Site) -> None:
    start = put(site, "/", "/1")
    for number in range(1, 9):
        put(site, f"/{number}", f"/{number + 1}")

    assert pages(f"crawl+{start}", bounds=Bounds(100, 3)) == ["", "1", "2", "3"]


def test_a_server_that_asks_for_patience_gets_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    start = put(site, "/", "/busy", "/busier")
    site.put("/busy", status=429, Retry_After="0")
    site.put("/busier", status=503, Retry_After="100000")
    told = skipped(f"crawl+{start}")

    assert [path for path in got(site) if path == "/busy"] == ["/busy"] * 3
    assert [path for path in got(site) if path == "/busier"] == ["/busier"]
    assert (told["busy"].reason, told["busier"].reason) == ("429 Too Many Requests", "503 Service Unavailable")
    monkeypatch.setattr("ingest.sources.sites.visiting._FIRST_WAIT_S", 0.0)
    site.put("/busy", status=429, Retry_After="when I like")
    assert "busy" in skipped(f"crawl+{start}")


def test_many_pages_with_one_canonical_link_are_told(site: Site) -> None:
    start = put(site, "/", *(f"/{number}" for number in range(30)))
    for number in range(30):
        put(site, f"/{number}", head='<link rel="canonical" href="/">')

    assert skipped(f"crawl+{start}")[""].reason.startswith("30 pages name it as their canonical one")


def test_a_link_to_a_place_inside_is_not_followed(site: Site) -> None:
    with serving() as inside:
        put(inside, "/secret")
        start = put(site, "/", "/out", f"{inside.address}/secret")
        site.put("/out", status=302, Location=f"{inside.address}/secret")

        assert pages(f"crawl+{start}") == [""]
        assert inside.asked == []


def sitemap(*urls: str, kind: str = "url") -> bytes:
    told = "".join(f"<{kind}><loc>{url}</loc><lastmod>2026-11-20</lastmod></{kind}>" for url in urls)
    root = "urlset" if kind == "url" else "sitemapindex"
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{told}</{root}>'.encode()


def test_a_sitemap_is_read_with_those_that_it_names(site: Site, workshop: Workshop) -> None:
    for path in ("/a", "/b", "/deep/c"):
        put(site, path, "/not-listed", ETag=f'"{path}"')
    at = site.address
    site.put("/one.xml.gz", gzip.compress(sitemap(f"{at}/a", f"{at}/b", "https://other.example/x")))
    site.put("/two.txt", f"{at}/deep/c\n{at}/a\n".encode())
    given = site.put("/sitemap_index.xml", sitemap(f"{at}/one.xml.gz", f"{at}/two.txt", kind="sitemap"))
    with workshop.pipeline() as pipeline:
        first = pipeline.sync([given])
        site.sent = 0
        again = pipeline.sync([given])
        sent = site.sent
        site.put("/two.txt", f"{at}/a\n".encode())
        third = pipeline.sync([given])

    assert uris(workshop) == ["a", "b"]
    assert (first.documents_new, again.documents_unchanged, third.documents_gone) == (3, 3, 1)
    assert (first.skipped_ignored, first.skipped_count, sent < 2000) == (1, 0, True)
    assert workshop.query("SELECT DISTINCT metadata->>'modified' FROM documents") == [("2026-11-20",)]
    assert "/not-listed" not in got(site)


@pytest.mark.parametrize(
    "content",
    [
        b"<" * 1_000_000,
        b"<urlset>" + b"<a>" * 300_000,
        b"<urlset><url><loc>",
        b"[" * 1_000_000,
        b"<html><body>Not Found</body></html>",
        b"",
        gzip.compress(bytes(80_000_000), mtime=0),
        gzip.compress(sitemap("http://127.0.0.1/a"), mtime=0)[:40],
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "'
        + b"&a;" * 1000
        + b'"><!ENTITY c "'
        + b"&b;" * 1000
        + b'"><!ENTITY d "'
        + b"&c;" * 1000
        + b'">]><urlset><url><loc>&d;</loc></url></urlset>',
    ],
    ids=[str(number) for number in range(10)],
)
def test_a_sitemap_that_is_none_or_does_harm_takes_nothing_away(site: Site, workshop: Workshop, content: bytes) -> None:
    workshop.write("a.md", "what stays readable")
    put(site, "/a")
    given = site.put("/sitemap.xml", sitemap(f"{site.address}/a"))
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder), given])
        site.put("/sitemap.xml", content)
        report = pipeline.sync([str(workshop.folder), given])

    assert (report.documents_gone, len(uris(workshop))) == (0, 2)
    assert report.skipped_count >= 1


def test_a_page_that_is_named_itself_is_a_page(site: Site, workshop: Workshop) -> None:
    single = put(site, "/guide/", "/guide/a")
    with workshop.pipeline() as pipeline:
        pipeline.sync([single])
    assert uris(workshop) == ["guide/"]


@pytest.mark.parametrize(
    "given", ["crawl+ftp://a.example/", "crawl+https://u:hunter2hunter2@a.example/", "sitemap+x", "feed+x"]
)
def test_a_url_of_no_site_is_refused(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        Files([given]).check()
    assert "hunter2" not in str(caught.value)


def test_a_site_that_has_a_name_keeps_its_urls_and_is_removed_by_it(site: Site, workshop: Workshop) -> None:
    start = put(site, "/", "/a")
    put(site, "/a")
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([f"crawl+{start}"], source="handbook"))
        (source,) = pipeline.corpora()[0].sources
        before = uris(workshop)
        removed = pipeline.remove("handbook")

    assert (source.source, before, removed) == ("handbook", ["", "a"], 2)


def test_a_damaged_memory_is_made_anew(site: Site, tmp_path: Path) -> None:
    start = put(site, "/", "/a")
    put(site, "/a")
    assert pages(f"crawl+{start}", cache=tmp_path) == ["", "a"]
    (tmp_path / "sites-1.sqlite3").write_bytes(b"no database at all" * 1000)
    assert pages(f"crawl+{start}", cache=tmp_path) == ["", "a"]


def test_an_archive_that_is_named_by_its_url_is_told_as_one(site: Site, workshop: Workshop) -> None:
    workshop.write("a.md", "what stays readable")
    given = site.put("/docs.tar.gz", gzip.compress(bytes(2_000), mtime=0), status=200, Content_Type="application/gzip")
    with workshop.pipeline() as pipeline:
        report = pipeline.sync([str(workshop.folder), given])

    assert [(each.name, each.reason) for each in report.skipped] == [
        (given, "an archive is not read over HTTP: download it, and name the file")
    ]
