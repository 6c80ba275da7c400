"""Calls over plain HTTP, for vendors whose API is not OpenAI's.

Each has a deadline, and an answer of a shape that is known. What goes wrong is raised as the SDK's own errors, which
`api_errors` puts into our words.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec
import openai

from ingest.errors import UNREADABLE_JSON, UnreachableError
from ingest.provider.answers import SECONDS, SHAPE, CheckedClient, Id, file_content, httpx
from ingest.provider.api_errors import explained, never_connected, passes, unusable
from ingest.provider.presets import preset
from ingest.provider.rate_headers import retry_after
from ingest.redaction import foreign, learn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from ingest.provider.protocol import Account, Provider
    from ingest.provider.wire import HasEnded

Done = TypeVar("Done")
Shape = TypeVar("Shape")

READ_RETRIES = 6  # 0.5, 1, 2, 4, 8, 8 s between them, as the SDK waits, or what the server asks for
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_LONGEST_ASKED_S = 60.0
_MOST_PAGES = 10_000
EXCHANGE_S = 120.0
ANSWER_S = 600.0  # to many texts at once
UPLOAD_S = 7200.0  # 200 MB at 0.25 Mbit/s

_ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


class Named(msgspec.Struct):
    """An object of a list."""

    id: Id


Numbered = TypeVar("Numbered", bound=Named)


class _Numbered(msgspec.Struct, Generic[Numbered]):
    data: list[Numbered] | None = None


class Http:
    """The calls to one vendor's address."""

    def __init__(self, account: Account, headers: Mapping[str, str]) -> None:
        """Nothing is asked yet. `headers`: of each call to that address, and to no other.

        Raises:
            UsageError: the address, or what the environment says of proxies and certificates, cannot be used.
        """
        learn(account.key)
        self.address = (account.base_url or "").rstrip("/")
        self._preset = preset(account.name)
        self._headers = dict(headers)
        try:
            self._client = CheckedClient(
                headers={"accept-encoding": "gzip"}, timeout=httpx.Timeout(EXCHANGE_S, connect=15.0)
            )
            httpx.URL(self.address)
        except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:
            raise unusable(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def explained(self, *, changes: bool = False) -> AbstractContextManager[None]:
        """The errors of calls in our words. `changes`: a lost answer leaves it open whether it was done."""
        return explained(self.address, self._preset, changes=changes)

    def read(self, path: str, shape: type[Shape], **params: str | int) -> Shape:
        """Ask for something, again where that may help."""
        for attempt in range(READ_RETRIES):
            try:
                return self._answered("GET", path, shape, params=params)
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                if isinstance(error, openai.APIStatusError) and not passes(error):
                    raise
                time.sleep(_pause_s(error, attempt))
        return self._answered("GET", path, shape, params=params)

    def pages(
        self,
        path: str,
        shape: type[Shape],
        following: Callable[[Shape], Mapping[str, str | int]],
        **params: str | int,
    ) -> Iterator[Shape]:
        """All pages of a list; `following`: what asks for the next one, nothing where a page is the last.

        Raises:
            ValueError: it has no end.
        """
        asked: list[Mapping[str, str | int]] = []
        more: Mapping[str, str | int] = {}
        while len(asked) < _MOST_PAGES:
            page = self.read(path, shape, **params, **more)
            yield page
            asked.append(more)
            more = following(page)
            if not more or more in asked:  # a page that was read already
                return
        raise ValueError(f"a list of over {_MOST_PAGES:,} pages")

    def numbered_pages(self, path: str, item: type[Numbered], **params: str | int) -> Iterator[Numbered]:
        """What is on all pages of a list that are asked for by their numbers, as far as they hold something new.

        Raises:
            ValueError: it has no end.
        """
        shape: Any = _Numbered[item]  # type: ignore[valid-type]
        known: set[str] = set()
        for number in range(_MOST_PAGES):
            found: list[Numbered] = self.read(path, shape, **params, page=number, page_size=100).data or []
            ids = {each.id for each in found}
            if ids <= known:
                return
            known |= ids
            yield from found
        raise ValueError(f"a list of over {_MOST_PAGES:,} pages")

    def change(
        self, method: str, path: str, shape: type[Shape], body: object = None, *, seconds: float = EXCHANGE_S
    ) -> Shape:
        """Ask once for something that changes what the vendor has, unless nobody was there to hear it."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"}
        return once_connected(
            lambda: self._answered(method, path, shape, content=content, headers=headers, seconds=seconds)
        )

    def told(self, path: str, headers: Mapping[str, str], body: object) -> Mapping[str, str]:
        """The headers of the answer to a POST; asked once, unless nobody was there to hear it."""
        content = msgspec.json.encode(body)
        response = once_connected(lambda: self._responded("POST", path, content=content, headers=headers))
        headers_told: Mapping[str, str] = response.headers
        return headers_told

    def sent(self, url: str, headers: Mapping[str, str], content: BinaryIO, shape: type[Shape]) -> Shape:
        """Send a file, once, unless nobody was there to hear it, to an address that the vendor names for it.

        Raises:
            ValueError: the address is neither where we were told that the vendor is, nor its own.
        """
        if _origin(url) not in (_origin(self.address), _origin(self._preset.base_url or "")):
            raise ValueError(f"texts are to be sent to {foreign(urlsplit(url).netloc) or 'no address'}, and are not")
        return once_connected(
            lambda: self._answered("POST", url, shape, content=content, headers=headers, seconds=UPLOAD_S)
        )

    def download(self, path: str, **params: str | int) -> Iterator[bytes]:
        """The content of a file, streamed."""
        with self._streamed(path, params) as response:
            yield from file_content(response)

    def content_length(self, path: str, **params: str | int) -> int | None:
        """How many bytes a file has, by the headers of its download; None where they do not tell."""
        with self._streamed(path, params, {"accept-encoding": "identity"}) as response:
            told = response.headers.get("content-length", "")
            return (
                int(told) if told.isascii() and told.isdigit() and "content-encoding" not in response.headers else None
            )

    @contextmanager
    def _streamed(self, path: str, params: Mapping[str, str | int], headers: Mapping[str, str] = {}) -> Iterator[Any]:
        response = self._responded("GET", path, params=params, headers=headers, is_streamed=True)
        try:
            yield response
        finally:
            response.close()

    def _answered(self, method: str, path: str, shape: type[Shape], **kinds: Any) -> Shape:
        decoder = msgspec.json.Decoder(shape)
        response = self._responded(method, path, decoder=decoder, **kinds)
        return decoder.decode(response.content or b"{}")

    def _responded(
        self,
        method: str,
        path: str,
        *,
        decoder: Any = None,
        params: Mapping[str, str | int] = {},
        headers: Mapping[str, str] = {},
        content: bytes | BinaryIO | None = None,
        seconds: float = EXCHANGE_S,
        is_streamed: bool = False,
    ) -> Any:
        """The response of a call. Raises the SDK's errors."""
        url = path if "://" in path else f"{self.address}/{path}"
        is_theirs = _origin(url) == _origin(self.address)
        request = self._client.build_request(
            method,
            url,
            params=dict(params) or None,
            headers={**(self._headers if is_theirs else {}), **headers},
            content=content,
            extensions={SHAPE: decoder, SECONDS: seconds},
        )
        try:
            response = self._client.send(request, stream=is_streamed)
        except httpx.TimeoutException as error:
            raise openai.APITimeoutError(request=request) from error
        except httpx.RequestError as error:
            raise openai.APIConnectionError(request=request) from error
        if response.is_success:
            return response
        response.read()
        raise _status_error(response)


def bearer(account: Account) -> dict[str, str]:
    """The header in which most vendors want the key."""
    return {"authorization": f"Bearer {account.key}"}


@asynccontextmanager
async def in_threads(provider: Provider) -> AsyncIterator[HasEnded]:
    """What asks a provider after its batches in an event loop: each time on a thread, which ends with the answer."""

    async def has_ended(batch_id: str) -> bool:
        with suppress(UnreachableError):
            batch = await asyncio.to_thread(provider.retrieve_batch, batch_id)
            return batch is None or batch.is_terminal
        return False

    with closing(provider):
        yield has_ended


def once_connected(call: Callable[[], Done]) -> Done:
    """A call that changes something, made again where nobody was there to hear it, as often as a read is."""
    for attempt in range(READ_RETRIES):
        try:
            return call()
        except openai.APIConnectionError as error:
            if not never_connected(error):
                raise
            time.sleep(_pause_s(error, attempt))
    return call()


def _pause_s(error: openai.APIError, attempt: int) -> float:
    pause_s: float = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
    if (
        isinstance(error, openai.APIStatusError)
        and (asked_s := retry_after(error.response.headers)) <= _LONGEST_ASKED_S
    ):
        return max(pause_s, asked_s)
    return pause_s


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _status_error(response: Any) -> openai.APIStatusError:
    """What a vendor refuses, with its words: `error`, `message` or `detail`, as its errors have them."""
    try:
        body: object = msgspec.json.decode(response.content)
    except UNREADABLE_JSON:
        body = None
    body = body[0] if isinstance(body, list) and body else body
    told = (body.get("error") or body) if isinstance(body, dict) else body
    if isinstance(told, dict):
        said = told.get("message") or told.get("detail")
        told = {**told, "message": said if isinstance(said, str) else None}
    else:
        told = {"message": told if isinstance(told, str) else None}
    words = str(told["message"] or response.text[:200] or f"HTTP status {response.status_code}")
    kind = _ERRORS.get(
        response.status_code, openai.InternalServerError if response.status_code >= 500 else openai.APIStatusError
    )
    if response.status_code == 400 and "API_KEY_INVALID" in response.text:  # Google's word for a key that is none
        kind = openai.AuthenticationError
    return kind(words, response=response, body={**told, "message": words})
