"""The socket of a server of ours."""

from __future__ import annotations

import socket

from ingest.errors import UsageError

LOOPBACK = "127.0.0.1"


def listener(host: str, port: int) -> socket.socket:
    """A socket that takes connections already, so that an address once told is never refused; port 0: any free one.

    Raises:
        UsageError: the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {host} port {port}: {reason}.") from error
    # Its connections inherit this. asyncio sets it on sockets it made itself only, and without it each answer, which is
    # written in two parts, waits 40 ms for the client to acknowledge the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def http_url(host: str, listening: socket.socket) -> str:
    """The address of a server that listens there."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
