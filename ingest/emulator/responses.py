"""Responses: JSON, downloads from the disk, and connections cut on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import msgspec
from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

_PIECE_BYTES = 1 << 20  # each piece is read by another thread: the default of 64 kB is a change of threads too many


def json_response(body: object, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An object as JSON."""
    return Response(msgspec.json.encode(body), status_code, headers, media_type="application/json")


def bad_gateway() -> Response:
    """What a proxy answers when the server behind it does not."""
    return Response("<html><body><h1>502 Bad Gateway</h1></body></html>\n", status_code=502, media_type="text/html")


def download(path: Path, filename: str) -> Response:
    """The content of a file, streamed from the disk."""
    return _Download(path, media_type="application/octet-stream", filename=filename)


class _Download(FileResponse):
    chunk_size = _PIECE_BYTES


class CutConnection(Response):
    """No response at all: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close it."""
        del send
        await _cut(scope, receive)


class BrokenDownload(Response):
    """The first half of a file: as if that were all, or, `cut`, before the connection is closed."""

    def __init__(self, path: Path, *, cut: bool) -> None:
        self._path = path
        self._cut = cut
        super().__init__(media_type="application/octet-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        whole = self._path.stat().st_size
        left = whole // 2
        length = whole if self._cut else left
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with await anyio.open_file(self._path, "rb") as file:
            while left and (piece := await file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._cut:
            await _cut(scope, receive)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _cut(scope: Scope, receive: Receive) -> None:
    """Close the connection, and wait until the server has seen that it is closed."""
    scope["state"]["transport"].close()
    while (await receive())["type"] != "http.disconnect":
        pass
