"""What answers must look like, checked in one place, before anything is made of them.

What has no such shape comes from no API, or was spoilt on its way: a page of a portal, half an answer, an object
without its id. It is told as a connection that failed. So a read is tried again as after a 5xx, and a change is an
unclear outcome.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec
import openai

from ingest.errors import UNREADABLE_JSON
from ingest.redaction import LogFilter, foreign, redacted, without_known

if TYPE_CHECKING:
    from collections.abc import Iterator

# The SDK's HTTP library, whose errors come through while a file is streamed: httpx, or httpx2 from openai 3.
httpx: Any = import_module(openai.DefaultHttpxClient.__base__.__module__.partition(".")[0])

# What they log, where that is asked for, are addresses, headers and bodies.
_transport = httpx.__name__.replace("httpx", "httpcore")
_httpcore: Any = import_module(_transport)
for _name in (
    *(httpx.__name__, openai.__name__, f"{openai.__name__}._base_client"),
    *(f"{_transport}.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
):
    logging.getLogger(_name).addFilter(LogFilter())

_is_ours: ContextVar[bool] = ContextVar("_is_ours", default=False)


def _at_debug(record: logging.LogRecord) -> bool:
    """A line for each of our calls, as often as a batch is asked after, is for who looks for a fault."""
    if not _is_ours.get() or record.levelno != logging.INFO:
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


logging.getLogger(httpx.__name__).addFilter(_at_debug)


@contextmanager
def logged_at_debug() -> Iterator[None]:
    """What the HTTP library tells of each exchange is told at DEBUG."""
    token = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(token)


# An answer of the largest array that we ask for has some 10 MB, a page of 100 batches with their errors a few.
_MAX_BYTES = 64_000_000
_MAX_REFUSAL_BYTES = 1_000_000
_MOST_MOVES = 5  # of a file, to where it lies
_LEAST_BYTES = 1_000_000  # of a file, in so long:
_PACE_S = 600.0
_MAX_FILE_BYTES = 8_000_000_000  # 50,000 vectors of 3,072 numbers, as decimal fractions, have 3.4 GB
# Others are not asked for. By these two, a piece of 64 kB from the network becomes some 66 MB at most.
_ENCODINGS = ("", "identity", "gzip")

_VECTORS = "embeddings"
RERANK = "rerank"
# How long an exchange may take, from its connection to its answer's last byte (of a file: its last header), however
# slowly it drips.
_EXCHANGE_S = 120.0
# Shorter than a list may lag by default: who finds `creating` and waits that long has waited for this call, too.
CREATE_S = 45.0
_UPLOAD_S = 7200.0  # 200 MB at 0.25 Mbit/s
_OTHERWISE_S = {
    ("POST", "batches"): CREATE_S,
    ("POST", "files"): _UPLOAD_S,
    ("POST", _VECTORS): 600.0,
    ("POST", RERANK): 30.0,
}
# By these extensions a request says of which shape its answer is, and how long it may take, where the above do not.
SHAPE, SECONDS = "ingest_shape", "ingest_seconds"
UPLOAD_URL = "x-goog-upload-url"  # is asked for, and not shown: so it stays as it came, with what grants it
_NO_CONTENT = 204
_NOT_IMPLEMENTED = 501
_OF_BODY = ("content-encoding", "content-length", "content-type", "transfer-encoding")

Item = TypeVar("Item")
# Kept in the database, shown, and part of an address.
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=r"^[^\s\x00-\x1f\x7f]+\Z")]
IdOrEmpty = Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^[^\s\x00-\x1f\x7f]*\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class _File(msgspec.Struct):
    id: Id
    filename: str | None = None
    bytes: Any = None  # what is no size is not told


class _Deleted(msgspec.Struct):
    id: str


class _Counts(msgspec.Struct):
    total: Count | None = 0
    completed: Count | None = 0
    failed: Count | None = 0


class _Fault(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None
    line: int | None = None


class _Faults(msgspec.Struct):
    data: list[_Fault] | None = None


class _Batch(msgspec.Struct):
    id: Id
    status: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    input_file_id: IdOrEmpty | None = None
    output_file_id: IdOrEmpty | None = None
    error_file_id: IdOrEmpty | None = None
    request_counts: _Counts | None = None
    errors: _Faults | list[_Fault] | str | None = None
    usage: Any = None
    metadata: dict[str, Any] | None = None


class _Page(msgspec.Struct, Generic[Item]):
    data: list[Item]
    has_more: bool | None = None


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw  # read by `ingest.provider.jsonl`, which tells whose it is
    index: int | None = None


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: Any = None


class Rank(msgspec.Struct):
    """How well one of the texts that were sent answers the question."""

    index: Annotated[int, msgspec.Meta(ge=0)]
    relevance_score: float


class Ranking(msgspec.Struct):
    """What a reranker answers: `results`, or `data` where it is Voyage's."""

    results: list[Rank] | None = None
    data: list[Rank] | None = None


# By method, what is asked for, and whether for one of them.
_DECODERS: dict[tuple[str, str, bool], msgspec.json.Decoder[Any]] = {
    call: msgspec.json.Decoder(shape)
    for call, shape in {
        ("POST", "files", False): _File,
        ("GET", "files", False): _Page[_File],
        ("GET", "files", True): _File,
        ("DELETE", "files", True): _Deleted,
        ("POST", "batches", False): _Batch,
        ("GET", "batches", False): _Page[_Batch],
        ("GET", "batches", True): _Batch,
        ("POST", "batches", True): _Batch,  # cancel
        ("POST", _VECTORS, False): _Vectors,
        ("POST", RERANK, False): Ranking,
    }.items()
}


class NoAnswerError(httpx.RemoteProtocolError):  # type: ignore[misc]
    """An answer came, of another shape than the API's."""


class _Deadline(threading.local):
    """When the exchange must be over in which this thread is."""

    at_s = 0.0
    seconds = 0.0

    def begin(self, seconds: float) -> None:
        """Count anew."""
        self.at_s, self.seconds = time.monotonic() + seconds, seconds

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """How long may be waited once more. Raises the error where the time is over."""
        left = self.at_s - time.monotonic()
        if left <= 0:
            raise error(f"not here within {self.seconds:g} seconds")
        return left if timeout is None else min(left, timeout)


_deadline = _Deadline()


class _TimedStream:
    """A connection that is read and written until the deadline: who sends byte after byte is silent at no time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        received: bytes = self._stream.read(max_bytes, _deadline.left(timeout, _httpcore.ReadTimeout))
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _deadline.left(timeout, _httpcore.WriteTimeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        timeout = _deadline.left(timeout, _httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _TimedNetwork:
    """How connections are made that know of the deadline."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        timeout = _deadline.left(timeout, _httpcore.ConnectTimeout)
        return _TimedStream(self._network.connect_tcp(host, port, timeout, **options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


@cache
def _trusted(_file: str | None, _folder: str | None) -> Any:
    """The context of TLS that trusts these, or the machine's own: read once, as that takes 20 ms of a processor."""
    return httpx.create_ssl_context()


class CheckedClient(openai.DefaultHttpxClient):
    """The SDK's HTTP client, which lets answers through that have their shape: of that, and of nothing else."""

    root = "/"
    """The path of the API's address."""

    def __init__(self, **settings: Any) -> None:
        """As the SDK's own client. The library has no other place for a deadline: its timeouts are of each byte."""
        verify = _trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        super().__init__(verify=verify, **settings)
        transports: list[Any] = [self._transport, *self._mounts.values()]
        for pool in (transport._pool for transport in transports if transport):  # noqa: SLF001
            pool._network_backend = _TimedNetwork(pool._network_backend)  # noqa: SLF001

    def send(self, request: Any, **kinds: Any) -> Any:
        """Send a request. Raises `NoAnswerError` where what comes is no answer."""
        is_streamed = kinds.pop("stream", False)
        path = request.url.path.removeprefix(self.root)
        otherwise_s = _OTHERWISE_S.get((request.method, path.strip("/")), _EXCHANGE_S)
        _deadline.begin(request.extensions.get(SECONDS, otherwise_s))
        kinds |= {"stream": True, "follow_redirects": False}
        with logged_at_debug():
            response = super().send(request, **kinds)
            for _ in range(_MOST_MOVES if is_streamed else 0):
                if (moved := self._moved(response)) is None:
                    break
                response.close()
                response = super().send(moved, **kinds)
        headers = [
            (name, value if name == UPLOAD_URL else redacted(value)) for name, value in response.headers.multi_items()
        ]
        try:
            _require_own_words(response)
            if is_streamed and response.is_success:
                response.headers = httpx.Headers(headers)
                response.extensions.pop("reason_phrase", None)
                return response
            body = _bounded(response)
        except BaseException:
            response.close()
            raise
        if response.is_success and (request.method, response.status_code) != ("DELETE", _NO_CONTENT):
            body = _checked(response, body, path)
        else:
            body = redacted(body[:_MAX_REFUSAL_BYTES].decode("utf-8", "replace")).encode()
        kept = [(name, value) for name, value in headers if name not in _OF_BODY]
        if response.status_code == _NOT_IMPLEMENTED:  # nor will it be at the next try
            kept.append(("x-should-retry", "false"))
        return httpx.Response(response.status_code, headers=kept, content=body, request=response.request)

    def _moved(self, response: Any) -> Any:
        """What to ask for a file that lies elsewhere, of another server without a word of ours; None: it does not."""
        moved = response.next_request
        if moved is None or moved.url.scheme not in (response.request.url.scheme, "https"):
            return None
        if moved.url.origin == response.request.url.origin:
            return moved
        return self.build_request("GET", moved.url, extensions=response.request.extensions)


def file_content(response: Any) -> Iterator[bytes]:
    """The content of a file, piece by piece. Raises `NoAnswerError` where it is a page, or without end."""
    size = size_before = 0
    _deadline.begin(_PACE_S)
    for piece in response.iter_bytes():
        # Result lines are JSON. Other words among them are a matter of their line.
        if not size and piece.lstrip()[:1] == b"<":
            raise _no_answer(response, piece)
        size += len(piece)
        if size > _MAX_FILE_BYTES:
            raise _no_answer(response, f"over {_MAX_FILE_BYTES:,} bytes")
        if size - size_before >= _LEAST_BYTES:
            _deadline.begin(_PACE_S)
            size_before = size
        yield piece


def _require_own_words(response: Any) -> None:
    # A POST that is redirected may be done already, and a key is for the address that was named.
    if response.has_redirect_location:
        raise _no_answer(response, f"a redirection to {_place(response)}")
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise _no_answer(response, f"the encoding {encoding[:60]}")


def _bounded(response: Any) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _MAX_BYTES:
            raise _no_answer(response, f"over {_MAX_BYTES:,} bytes")
    return bytes(body)


def _checked(response: Any, body: bytes, path: str) -> bytes:
    """What is known of an answer, and nothing else, for the SDK to read."""
    kind, _, rest = path.strip("/").partition("/")
    decoder = response.request.extensions.get(SHAPE) or _DECODERS.get((response.request.method, kind, bool(rest)))
    if decoder is None:
        return body
    try:
        answer = msgspec.json.encode(decoder.decode(body))
        if kind == _VECTORS:
            return answer
        # Decoded again, as an id that held a secret is none.
        decoded = decoder.decode(without_known(answer.decode()))
    except UNREADABLE_JSON as error:
        raise _no_answer(response, body) from error
    # What is told of another batch is not that this one is over.
    if (response.request.method, kind) == ("GET", "batches") and rest and decoded.id != rest:
        raise _no_answer(response, f"batch {decoded.id}")
    return msgspec.json.encode(decoded)


def _place(response: Any) -> str:
    """Where a redirection leads, without what only a server knows to read."""
    moved = response.next_request
    return str(moved.url.copy_with(userinfo=b"", query=None, fragment=None)) if moved else "no address"


def _no_answer(response: Any, what: bytes | str) -> NoAnswerError:
    most = 200
    if isinstance(what, bytes):
        what, most = what[:1000].decode("utf-8", "replace"), 60
    words = foreign("".join(letter if letter.isprintable() else " " for letter in what), most)
    return NoAnswerError(
        f"no answer of the API, but {response.status_code} with {words!r}, to {response.request.method} "
        f"{response.request.url.path}"
    )
