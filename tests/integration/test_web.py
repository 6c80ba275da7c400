"""Pages of the web, from a real server on this machine."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

import pytest
from web_sites import Site, serving

from ingest.chunker.chunking import Chunking
from ingest.corpus.reading import Reading
from ingest.documents import prepare
from ingest.engines import open_local
from ingest.errors import UsageError
from ingest.sources.extraction.workers import DEFAULT_LIMITS
from ingest.sources.files import Files
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError
from ingest.sources.web import Page, find_page, page_uri
from ingest.telemetry import Logged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.model import Document

FILES = Path(__file__).parent.parent / "files"
MAX_BYTES = 1_000_000


@pytest.fixture(name="site")
def _site() -> Iterator[Site]:
    with serving() as site:
        yield site


@contextmanager
def dripping(begin: bytes, again: bytes) -> Iterator[str]:
    """A server that sends a beginning, and then the same for ever, twenty times a second."""
    stopped = threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(10_000)
                self.request.sendall(begin)
                while not stopped.wait(0.05):
                    self.request.sendall(again)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            stopped.set()
            server.shutdown()
            thread.join()


def read(url: str) -> Document:
    page = find_page(url, DEFAULT_LIMITS)
    assert isinstance(page, Page)
    return page.read(MAX_BYTES)


def test_a_page_is_read_by_what_its_server_says_it_is(site: Site) -> None:
    html = site.put(
        "/guide", "<title>道</title><h1>案内</h1>".encode("shift_jis"), Content_Type="text/html; charset=shift_jis"
    )
    markdown = site.put("/raw/notes.md", b"# Notes\n\nwords", Content_Type="text/plain; charset=utf-8")
    viewer = site.put("/view/notes.md", b"<h1>Notes</h1>", Content_Type="text/html")
    pdf = site.put("/paper", (FILES / "concurrency-control.pdf").read_bytes(), Content_Type="application/octet-stream")

    assert (read(html).title, read(html).text.strip()) == ("道", "# 案内")
    assert (read(markdown).title, read(markdown).text) == ("Notes", "# Notes\n\nwords")
    assert read(viewer).text.strip() == "# Notes"
    assert read(pdf).title == "Concurrency Control"
    assert read(html).metadata["url"] == html


def test_an_unchanged_page_is_not_read_again(site: Site, workshop: Workshop) -> None:
    tagged = site.put("/tagged", b"one", Content_Type="text/plain", ETag='"1"')
    dated = site.put("/dated", b"two", Content_Type="text/plain", Last_Modified="Sat, 21 Nov 2026 12:00:00 GMT")
    plain = site.put("/plain", b"three", Content_Type="text/plain", X_Head="no")
    with workshop.pipeline() as pipeline:
        first = pipeline.sync([tagged, dated, plain])
        site.asked.clear()
        second = pipeline.sync([tagged, dated, plain])
        asked = sorted(path for method, path in site.asked if method == "GET")
        site.put("/tagged", b"another", Content_Type="text/plain", ETag='"2"')
        third = pipeline.sync([tagged, dated, plain])

    assert (first.documents_new, second.documents_unchanged) == (3, 3)
    assert asked == ["/plain"]
    assert (third.documents_changed, third.documents_unchanged) == (1, 2)
    assert workshop.query("SELECT uri FROM documents ORDER BY uri") == [(dated,), (plain,), (tagged,)]


def test_a_page_that_is_gone_leaves_and_one_out_of_reach_stays(site: Site, workshop: Workshop) -> None:
    url = site.put("/a", b"words", Content_Type="text/plain")
    workshop.write("b.md", "words")
    with workshop.pipeline() as pipeline:
        pipeline.sync([url, str(workshop.folder)])
        site.put("/a", status=503)
        away = pipeline.sync([url, str(workshop.folder)])
        del site.pages["/a"]
        gone = pipeline.sync([url, str(workshop.folder)])

    assert (away.documents_gone, [skipped.reason for skipped in away.skipped]) == (0, ["503 Service Unavailable"])
    assert (gone.documents_gone, [skipped.reason for skipped in gone.skipped]) == (1, ["404 Not Found"])


def test_a_redirection_leads_to_a_page_and_to_nothing_else(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    moved = site.put("/old", status=301, Location="/new")
    site.put("/new", b"words", Content_Type="text/plain", ETag='"1"')
    out = site.put("/out", status=302, Location=(tmp_path / "secret.txt").as_uri())
    ftp = site.put("/ftp", status=302, Location="ftp://127.0.0.1/secret.txt")
    loop = site.put("/loop", status=302, Location="/loop")

    assert (read(moved).uri, read(moved).text) == (moved, "words")
    for url in (out, ftp, loop):
        refused = find_page(url, DEFAULT_LIMITS)
        assert isinstance(refused, Skipped)
        assert refused.reason.startswith("302 ")
    assert ("GET", "/new") in site.asked
    assert not any(method == "GET" and path not in {"/new", "/old"} for method, path in site.asked)


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1/",
        "http://[zz]/",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:port/",
        "http://",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 200}example/",
        "http://a..example/",
        "http://\x7f/",
    ],
)
def test_a_redirection_to_what_is_no_url_is_told_and_the_rest_is_read(
    site: Site, workshop: Workshop, location: str
) -> None:
    bad = site.put("/bad", status=302, Location=location)
    untold = site.put("/untold", status=302, Location=location, X_Head="no")
    good = site.put("/good", b"words", Content_Type="text/plain")
    with workshop.pipeline() as pipeline:
        report = pipeline.sync([bad, untold, good])

    assert report.documents_new == 1
    assert sorted(skipped.name for skipped in report.skipped) == [bad, untold]
    assert all(0 < len(skipped.reason) <= 200 for skipped in report.skipped)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain; charset=punycode"},
        {"Content_Type": "text/plain; charset=idna"},
        {"Content_Type": "text/plain; charset=unicode_escape"},
        {"Content_Type": "text/plain; charset=zlib"},
        {"Content_Type": "text/plain; charset=" + "9" * 5000},
        {"Content_Type": "text/plain; charset*=punycode''" + "a" * 500},
        {"Content_Type": 'text/plain; a="' + ';"' * 30_000},
        {"Content_Length": "9" * 5000, "Content_Type": "text/plain"},
        {"Content_Length": "-1", "Content_Type": "text/plain"},
        {"Content_Length": "٣", "Content_Type": "text/plain"},
        {"ETag": "e" * 60_000, "Content_Type": "text/plain"},
    ],
    ids=lambda headers: ascii(headers)[:50],
)
def test_headers_that_mean_nothing_are_passed_over(site: Site, headers: dict[str, str]) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    url = site.put("/a.txt", b"a " * 400_000, status=200, **encoded)

    page = find_page(url, DEFAULT_LIMITS)

    assert isinstance(page, Page)
    assert (page.size, page.version) == (0, None)
    assert page.read(MAX_BYTES).text == "a " * 400_000


def test_a_page_that_is_sent_packed_is_told(site: Site) -> None:
    bomb = site.put("/a.html", gzip.compress(bytes(10_000_000)), Content_Type="text/html", Content_Encoding="gzip")

    with pytest.raises(UnreadableError, match=r"^sent packed \(gzip\), which was not asked for$"):
        read(bomb)


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b" folded\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "folded", "continue"],
)
def test_a_server_whose_headers_come_for_ever_is_given_up(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, again: bytes
) -> None:
    monkeypatch.setattr("ingest.sources.web._HEAD_S", 0.5)
    with dripping(begin, again) as url:
        told = find_page(url, DEFAULT_LIMITS)

    assert isinstance(told, Skipped)
    assert (told.reason, told.is_folder) == ("not here in time", True)


def test_what_a_redirection_holds_is_not_read(monkeypatch: pytest.MonkeyPatch, internet: Internet) -> None:
    monkeypatch.setattr("ingest.sources.web._PAGE_S", 5)
    internet.names = {"good.example": [["93.184.216.34"]]}
    internet.site.put("/good", b"words", Content_Type="text/plain")
    with dripping(b"HTTP/1.1 302 Found\r\nLocation: http://good.example/good\r\n\r\n", b"x") as url:
        assert Page(url, 0, None, DEFAULT_LIMITS).read(MAX_BYTES).text == "words"


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"word "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: a\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"extension"),
    ],
    ids=["body", "chunks", "trailers", "extension"],
)
def test_a_page_that_comes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch, begin: bytes, again: bytes) -> None:
    monkeypatch.setattr("ingest.sources.web._PAGE_S", 0.5)
    with dripping(begin, again) as url, pytest.raises(UnreadableError, match=r"^not here in time$"):
        Page(url, 0, None, DEFAULT_LIMITS).read(MAX_BYTES)


def test_pages_are_chunked_by_workers_and_one_that_takes_too_long_is_told(site: Site) -> None:
    """What works on a page in this process could keep Ctrl-C waiting, and nothing would end it."""
    words = [f"{number} {'word ' * 60_000}".encode() for number in range(2)]
    source = Files([site.put(f"/{number}", text, Content_Type="text/plain") for number, text in enumerate(words)])
    chunking = Chunking("cl100k_base", 128, 0, embed_headings=False, max_document_bytes=MAX_BYTES)
    taken = {}
    for seconds in (180.0, 0.001):
        hurried = replace(chunking, max_document_seconds=seconds)
        with open_local(partial(prepare, hurried)) as engine:
            reading = Reading(source, hurried, lambda _: {}, Logged(), engine, full=False)
            with suppress(UsageError):  # nothing was read
                taken[seconds] = [len(fresh.read.chunks or ()) for group in reading.groups() for fresh in group]
        skipped = [each.reason for each in reading.report.skipped]

    assert [count > 100 for count in taken[180.0]] == [True, True]
    assert skipped == ["takes more than 0.001 s to chunk"] * 2


def test_a_page_is_read_no_further_than_the_limit(site: Site) -> None:
    url = site.put("/endless", b"word " * 1_000_000, Content_Type="text/plain")

    with pytest.raises(UnreadableError, match=r"over max_document_bytes \(1,000,000\)"):
        read(url)


def test_a_server_that_is_not_there_is_told() -> None:
    with serving() as gone:
        url = gone.address + "/a"

    told = find_page(url, DEFAULT_LIMITS)

    assert isinstance(told, Skipped)
    assert (told.reason, told.is_folder) == ("Connection refused", True)


def test_a_url_is_asked_for_in_ascii_and_without_its_fragment() -> None:
    assert page_uri("https://例え.jp/資料 1.html?q=語#節") == (
        "https://xn--r8jz45g.jp/%E8%B3%87%E6%96%99%201.html?q=%E8%AA%9E"
    )
    assert page_uri("https://example.com") == "https://example.com/"
    assert page_uri("https://example.com/a%20b?c=d%26e") == "https://example.com/a%20b?c=d%26e"


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@example.com/a",
        "https://",
        "http://[::1",
        "https://example.com:port/",
        f"https://{'a' * 64}.example/",
        "http://2130706433/",
        "http://0x7f.1:8000/",
    ],
)
def test_what_is_no_url_or_tells_a_password_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        page_uri(url)

    assert "secret" not in str(raised.value)


@dataclass
class Internet:
    """Names and their addresses, one list for each look-up; all of these are one site, which sees who was asked."""

    site: Site
    names: dict[str, list[list[str]]]
    connected: list[str] = field(default_factory=list)


@pytest.fixture
def internet(site: Site, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """The system's look-up and connection, as if public addresses were in reach."""
    internet = Internet(site, {})
    look_up, connect = socket.getaddrinfo, socket.create_connection

    def looked_up(host: str, port: int, *more: Any, **kinds: Any) -> list[Any]:
        if host not in internet.names:
            return look_up(host, port, *more, **kinds)
        lists = internet.names[host]
        return [(0, 0, 0, "", (address, port)) for address in (lists.pop(0) if len(lists) > 1 else lists[0])]

    def connected(address: tuple[str, int], *more: Any, **kinds: Any) -> socket.socket:
        internet.connected.append(address[0])
        there = ("127.0.0.1", int(site.address.rpartition(":")[2])) if address[1] == 80 else address
        return connect(there, *more, **kinds)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket, "create_connection", connected)
    return internet


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/secret",
        "http://[::1]/secret",
        "http://[::ffff:169.254.169.254]/secret",
        "http://169.254.169.254/secret",
        "http://2130706433/secret",
        "http://0x7f.1/secret",
        "http://0177.0.0.1/secret",
        "http://localhost/secret",
        "http://inside.example/secret",
        "http://inside.example./secret",
        "http://both.example:22/secret",
        "http://me:hush@public.example/secret",
        "//inside.example/secret",
    ],
)
def test_a_public_page_leads_to_nothing_inside(internet: Internet, location: str) -> None:
    internet.names = {
        "public.example": [["93.184.216.34"]],
        "inside.example": [["10.0.0.5"]],
        "inside.example.": [["10.0.0.5"]],
    }
    internet.site.put("/a", status=302, Location=location)
    internet.site.put("/secret", b"secret", Content_Type="text/plain")

    told = find_page("http://public.example/a", DEFAULT_LIMITS)

    assert isinstance(told, Skipped)
    assert "leads to" in told.reason or "disguise" in told.reason or "credentials" in told.reason
    assert "hush" not in told.reason
    assert told.is_folder
    assert internet.site.asked == [("HEAD", "/a")]
    assert internet.connected == ["93.184.216.34"]


def test_a_name_that_is_another_address_the_second_time_is_not_followed(internet: Internet) -> None:
    internet.names = {"rebound.example": [["93.184.216.34"], ["127.0.0.1"]]}
    internet.site.put("/a", b"secret", Content_Type="text/plain")
    page = find_page("http://rebound.example/a", DEFAULT_LIMITS)
    assert isinstance(page, Page)

    with pytest.raises(UnreadableError, match=r"leads to rebound.example at 127\.0\.0\.1, which is not public"):
        page.read(MAX_BYTES)

    assert internet.connected == ["93.184.216.34"]


def test_what_is_checked_is_what_is_connected_to(internet: Internet) -> None:
    internet.names = {
        "public.example": [["93.184.216.34"]],
        "mixed.example": [["10.0.0.5", "93.184.216.35"], ["10.0.0.5", "93.184.216.36"]],
    }
    internet.site.put("/a", status=302, Location="http://mixed.example/b")
    internet.site.put("/b", b"words", Content_Type="text/plain")

    assert read("http://public.example/a").text == "words"
    assert internet.connected == ["93.184.216.34", "93.184.216.35", "93.184.216.34", "93.184.216.36"]


def test_a_page_inside_that_the_user_names_is_read_and_leads_no_further(internet: Internet) -> None:
    internet.names = {"wiki.example": [["10.0.0.5"]], "other.example": [["10.0.0.6"]]}
    internet.site.put("/a", status=302, Location="/b")
    internet.site.put("/b", b"words", Content_Type="text/plain")
    internet.site.put("/c", status=302, Location="http://other.example/b")

    told = find_page("http://wiki.example/c", DEFAULT_LIMITS)

    assert read("http://wiki.example/a").text == "words"
    assert isinstance(told, Skipped)
    assert told.reason == "leads to other.example at 10.0.0.6, which is not public"
    assert "10.0.0.6" not in internet.connected


def test_the_environments_proxy_is_gone_through_wherever_it_is(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", internet.site.address)
    internet.site.put("http://public.example/a", b"words", Content_Type="text/plain")
    internet.site.put("http://public.example/b", status=302, Location="http://169.254.169.254/")

    told = find_page("http://public.example/b", DEFAULT_LIMITS)

    assert read("http://public.example/a").text == "words"
    assert isinstance(told, Skipped)
    assert told.reason == "302 leads to 169.254.169.254, which is not public"
