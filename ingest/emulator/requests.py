"""The bodies of requests: bounded, and answered on a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from starlette.concurrency import run_in_threadpool

from ingest.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message, Receive

MAX_BODY_BYTES = 64_000_000

Call: TypeAlias = "Callable[[Request], Awaitable[Response]]"


def bounded(receive: Receive, most: int) -> Receive:
    """What is sent of a body, up to so many bytes: its length may not be told before."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise ApiError(400, "File is too large.", param="file")
        return message

    return counted


def in_thread(call: Callable[[Request], Response]) -> Call:
    """A call that waits for a disk or a model, on a thread."""

    async def run(request: Request) -> Response:
        return await run_in_threadpool(call, request)

    return run


def with_body(call: Callable[[bytes, Request], Response]) -> Call:
    """The same, given the body of the request."""

    async def run(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise ApiError(413, f"The body of a request has at most {MAX_BODY_BYTES} bytes.")
        return await run_in_threadpool(call, bytes(body), request)

    return run
