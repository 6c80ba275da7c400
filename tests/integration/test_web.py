"""Pages of the web, from a real server on this machine."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.errors import UsageError
from ingest.sources.extraction.workers import DEFAULT_LIMITS
from ingest.sources.source import Skipped
from ingest.sources.text import UnreadableError
from ingest.sources.web import Page, find_page, page_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workshop import Workshop

    from ingest.model import Document

FILES = Path(__file__).parent.parent / "files"
MAX_BYTES = 1_000_000


class Site:
    """A server of pages: by path their status, headers and content; and what it was asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []

    def put(self, path: str, content: bytes = b"", *, status: int = 200, **headers: str) -> str:
        self.pages[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, content)
        return self.address + path


@pytest.fixture(name="site")
def _site() -> Iterator[Site]:
    with serving() as site:
        yield site


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            site.asked.append((self.command, self.path))
            status, headers, content = site.pages.get(self.path, (404, {}, b""))
            if self.command == "HEAD" and headers.get("X-Head") == "no":
                status = 405
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_GET = do_HEAD = answer  # noqa: N815 - the names that the server asks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
    "url", ["https://me:secret@example.com/a", "https://", "http://[::1", "https://example.com:port/"]
)
def test_what_is_no_url_or_tells_a_password_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        page_uri(url)

    assert "secret" not in str(raised.value)
