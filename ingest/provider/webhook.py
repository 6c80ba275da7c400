"""The receiver of OpenAI's webhooks: what is authentic, fresh and new ends the waiting of runs.

Of an event only its type and the batch's id are used, and only to tell runs that they should look.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from typing import TYPE_CHECKING

import anyio
import msgspec
import openai
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ingest.errors import UNREADABLE_JSON, IngestError, UsageError
from ingest.redaction import learn
from ingest.serving import gated, http_url, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

_ENDED = frozenset({"batch.completed", "batch.failed", "batch.expired", "batch.cancelled"})
_BATCH_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TOLERANCE_S = 300  # of timestamps, in the past and in the future: Standard Webhooks'
_MAX_BODY_BYTES = 65_536  # an event has some two hundred
_MAX_BODY_S = 10.0


class _Subject(msgspec.Struct):
    id: str


class _Event(msgspec.Struct):
    type: str
    data: _Subject


class _RefusedError(Exception):
    """An event is not taken: an HTTP status, and why."""

    def __init__(self, status_code: int, reason: str) -> None:
        super().__init__(reason)
        self.status_code = status_code


def serve(
    host: str,
    port: int,
    secret: str,
    ended: Callable[[str], None],
    say: Callable[[str], None],
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. `ended` is told the id of a batch; `ready` the address, once calls are accepted.

    Raises:
        UsageError: the address or the secret cannot be used.
    """
    receiver = Receiver(secret, ended, say)
    with listener(host, port) as listening:
        server = gated(receiver.application())
        ready(http_url(host, listening))
        server.run(sockets=[listening])


class Receiver:
    """Takes each event once."""

    def __init__(self, secret: str, ended: Callable[[str], None], say: Callable[[str], None]) -> None:
        """`ended` is told the id of a batch, and may raise an `IngestError`: then the sender tries again."""
        _check(secret)
        learn(secret)
        self._webhooks = openai.OpenAI(api_key="not needed", webhook_secret=secret).webhooks
        self._ended = ended
        self._say = say
        self._seen: dict[str, float] = {}

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        try:
            body = await _bounded_body(request)
            self._require_authentic(request, body)
            webhook_id = self._require_new(request)
            try:
                batch_id = _ended_batch(body)
                if batch_id:
                    await run_in_threadpool(self._ended, batch_id)
                    self._say(f"batch {batch_id} has ended: runs that wait for it look now")
            except BaseException:
                self._seen.pop(webhook_id, None)
                raise
        except _RefusedError as refused:
            self._say(f"an event was refused: {refused}")
            return PlainTextResponse(f"{refused}\n", refused.status_code)
        except IngestError as error:
            self._say(f"an event could not be passed on, and will be sent again: {error}")
            return PlainTextResponse("try again\n", 503)
        except ClientDisconnect:
            return PlainTextResponse(status_code=400)  # nobody is there to read it
        return PlainTextResponse("ok\n")

    def _require_authentic(self, request: Request, body: bytes) -> None:
        try:
            self._webhooks.verify_signature(body, request.headers, tolerance=_TOLERANCE_S)
        except openai.InvalidWebhookSignatureError as error:
            raise _RefusedError(401, str(error)) from None
        except (TypeError, ValueError):  # headers that are missing, signatures and bodies that are no text
            raise _RefusedError(400, "no signed event") from None

    def _require_new(self, request: Request) -> str:
        """Remember an id for as long as its timestamp could be taken again; the clock may lag by the tolerance, too."""
        now_s = time.monotonic()
        self._seen = {each: until_s for each, until_s in self._seen.items() if until_s > now_s}
        webhook_id = request.headers["webhook-id"]
        if webhook_id in self._seen:
            raise _RefusedError(400, "this event was taken already")
        self._seen[webhook_id] = now_s + 2 * _TOLERANCE_S
        return webhook_id


def _check(secret: str) -> None:
    try:
        if base64.b64decode(secret.removeprefix("whsec_") if secret.startswith("whsec_") else "AA=="):
            return
    except binascii.Error:
        pass
    raise UsageError("the webhook's secret cannot be used: copy it whole, as whsec_… (OPENAI_WEBHOOK_SECRET).")


async def _bounded_body(request: Request) -> bytes:
    """The body, of bounded size, in bounded time."""
    body = bytearray()
    try:
        with anyio.fail_after(_MAX_BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > _MAX_BODY_BYTES:
                    raise _RefusedError(413, f"an event has at most {_MAX_BODY_BYTES:,} bytes")
    except TimeoutError:
        raise _RefusedError(408, f"an event is sent within {_MAX_BODY_S:g} seconds") from None
    return bytes(body)


def _ended_batch(body: bytes) -> str | None:
    """The id of the batch that an event says has ended; None for events of other kinds."""
    try:
        event = msgspec.json.decode(body, type=_Event)
    except UNREADABLE_JSON:
        raise _RefusedError(400, "no event of a form that is known") from None
    if event.type not in _ENDED:
        return None
    if not _BATCH_ID.fullmatch(event.data.id):
        raise _RefusedError(400, "no batch has such an id")
    return event.data.id
