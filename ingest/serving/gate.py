"""The gate of a server of ours: how many may be connected, and for how long they may ask nothing.

A connection costs whoever opens it nothing. So there are bounds, for each address and in all. Where one is reached, the
oldest connection without a whole request is closed, of the address that has most, and not the newest: those who ask are
heard, however many others just hold the line. Who begins to ask has a time to finish, and who does not read an answer
is not waited for.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

if TYPE_CHECKING:
    import asyncio

_BACKLOG = 128  # those that are connected, and not yet looked at
_SAME_NETWORK = 64  # bits: whoever has one IPv6 address has as many as there are in such a network


class GatedProtocol(H11Protocol):
    """HTTP on one connection, within the bounds of its class."""

    most = 64
    """Connections in all."""
    most_of_one = 32
    """Connections of one address."""
    head_s = 10.0
    """How long the head of a request may take, from the connection or the answer before."""
    silence_s = 60.0
    """How long the rest of it may not go on, and how long an answer may not be read."""

    _asks_nothing_until: asyncio.TimerHandle | None = None
    _is_silent_until: asyncio.TimerHandle | None = None
    _is_unread_until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, and another one out where there is no room."""
        super().connection_made(transport)
        self.since_s = self.loop.time()
        self._make_room()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        for timer in (self._asks_nothing_until, self._is_silent_until, self._is_unread_until):
            if timer:
                timer.cancel()

    def handle_events(self) -> None:
        """What came, as far as it is whole."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """From now on it asks nothing."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; in the middle of an answer there is no way to say so."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    def pause_writing(self) -> None:
        """The answer is not read as fast as it is written."""
        super().pause_writing()
        self._is_unread_until = self.loop.call_later(self.silence_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It is read."""
        super().resume_writing()
        if self._is_unread_until:
            self._is_unread_until.cancel()

    @property
    def network(self) -> str:
        """Who is connected: an IPv4 address, or a network of IPv6."""
        host = self.client[0] if self.client else ""
        return host if ":" not in host else str(int(IPv6Address(host)) >> _SAME_NETWORK)

    @property
    def asks_nothing(self) -> bool:
        """Whether no request is under way; part of a head may be."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    @property
    def is_unfinished(self) -> bool:
        """Whether there is no whole request to be answered."""
        return self.asks_nothing or self.cycle.more_body

    def _watch(self) -> None:
        """Set the time for what is awaited now."""
        if not self.asks_nothing:
            if self._asks_nothing_until:
                self._asks_nothing_until.cancel()
            self._asks_nothing_until = None
        elif self._asks_nothing_until is None:  # and what drips in does not put it off
            self._asks_nothing_until = self.loop.call_later(self.head_s, self.transport.abort)
        if self._is_silent_until:
            self._is_silent_until.cancel()
        if self.is_unfinished:
            self._is_silent_until = self.loop.call_later(self.silence_s, self.transport.abort)

    def _make_room(self) -> None:
        others = cast("set[GatedProtocol]", self.connections)
        counts = Counter(each.network for each in others)
        if counts[self.network] > self.most_of_one:
            crowd = self.network
        elif len(others) > self.most:
            crowd = counts.most_common(1)[0][0]
        else:
            return
        idle = [each for each in others if each.network == crowd and each.is_unfinished and each is not self]
        leaving = min(idle, key=lambda each: each.since_s, default=self)
        self.connections.discard(leaving)  # now: others may be at the gate before it is told that it is lost
        leaving.transport.abort()


def gated(application: Any, protocol: type[GatedProtocol] = GatedProtocol) -> uvicorn.Server:
    """A server of an ASGI application, to be run on a socket that listens."""
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # that somebody sends what is no HTTP is no news
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who is connected is who counts
            backlog=_BACKLOG,
            timeout_graceful_shutdown=2,
        )
    )
