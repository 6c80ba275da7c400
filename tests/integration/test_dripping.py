"""Answers that drip, byte after byte: a call is over at its bound, whatever it was that dripped."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

import openai._base_client
import pytest

from ingest.errors import UnreachableError
from ingest.provider import Account, Parameters, UnclearOutcomeError, answers
from ingest.provider.openai import OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

BEGIN = b"HTTP/1.1 200 OK\r\n"
JSON = BEGIN + b"content-type: application/json\r\n"
# What comes at once, and what comes after it again and again.
DRIPS = {
    "a status": (b"HTTP/1.1 200 ", b"O"),
    "a header": (BEGIN + b"x-more: ", b"x"),
    "headers": (BEGIN, b"x: y\r\n"),
    "103 without end": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
    "100 without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (JSON + b"content-length: 1000000\r\n\r\n", b" "),
    "chunks": (JSON + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the size of a chunk": (JSON + b"transfer-encoding: chunked\r\n\r\n1;", b"x"),
    "a gzip of nothing": (
        JSON + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        b"14\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\r\n",
    ),
}
MOST_DRIPS = 500  # of 10 ms: then the connection ends


@contextmanager
def dripping(first: bytes, drips: Iterable[bytes]) -> Iterator[str]:
    """The base URL of a server that answers all in the same way."""
    drips = list(drips)
    is_over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            try:
                self.request.recv(65_536)
                for part in chain([first], drips):
                    self.request.sendall(part)
                    if is_over.wait(0.01):
                        return
            except OSError:  # nobody listens any more
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            is_over.set()
            server.shutdown()
            thread.join()


@contextmanager
def provider_at(base_url: str) -> Iterator[OpenAIProvider]:
    provider = OpenAIProvider(Account("openai", base_url, "sk-nobody"))
    try:
        yield provider
    finally:
        provider.close()


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.005)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.01)
    monkeypatch.setattr("ingest.provider.http.READ_RETRIES", 1)
    monkeypatch.setattr("ingest.provider.openai.READ_RETRIES", 1)
    monkeypatch.setattr(answers, "_EXCHANGE_S", 0.2)
    monkeypatch.setattr(answers, "_PACE_S", 0.2)
    monkeypatch.setattr(answers, "_OTHERWISE_S", {})


CALLS: dict[str, Callable[[OpenAIProvider, Path], object]] = {
    "check": lambda provider, _: provider.check(),
    "upload": lambda provider, path: provider.upload(path, path.name),
    "create": lambda provider, _: provider.create_batch("file-1", "key", Parameters("model", None)),
    "retrieve": lambda provider, _: provider.retrieve_batch("batch-1"),
    "embed": lambda provider, _: provider.answer(["text"], Parameters("model", None)),
    "download": lambda provider, _: list(provider.download("file-1")),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("drip", DRIPS)
def test_no_answer_that_drips_outlasts_its_bound(tmp_path: Path, call: str, drip: str) -> None:
    (tmp_path / "shard.jsonl").write_bytes(b"{}\n")
    first, again = DRIPS[drip]
    with (
        dripping(first, repeat(again, MOST_DRIPS)) as base_url,
        provider_at(base_url) as provider,
        pytest.raises((UnreachableError, UnclearOutcomeError)) as caught,
    ):
        CALLS[call](provider, tmp_path / "shard.jsonl")

    assert "not here within 0.2 seconds" in str(caught.value) or "timed out" in str(caught.value)


def test_a_file_that_gets_on_may_take_as_long_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_LEAST_BYTES", 1_000)
    monkeypatch.setattr(answers, "_EXCHANGE_S", 60.0)
    monkeypatch.setattr(answers, "_PACE_S", 2.0)
    parts = [b"x" * 1_000] * 300  # 3 s
    with dripping(BEGIN + b"content-length: 300000\r\n\r\n", parts) as base_url, provider_at(base_url) as provider:
        assert b"".join(provider.download("file-1")) == b"".join(parts)
