"""The server itself: on a folder, in this process, blocking or in a thread beside a test."""

from __future__ import annotations

import json
import os
import secrets
import threading
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

from ingest.emulator.app import Api
from ingest.emulator.batches import Stepper
from ingest.emulator.dialects import dialect_of
from ingest.emulator.faults import Fault, Faults
from ingest.emulator.rates import Rates
from ingest.emulator.service import Service
from ingest.emulator.store import Store
from ingest.emulator.webhooks import Webhooks
from ingest.emulator.worker import Worker
from ingest.errors import UsageError
from ingest.serving import LOOPBACK, GatedProtocol, gated, http_url, listener

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import uvicorn

    from ingest.emulator.limits import Limits


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """An emulator that is up: where it is, and its own calls."""

    base_url: str
    api_key: str = field(repr=False)

    def set_faults(self, *faults: Fault) -> None:
        """Play these faults from now on, in place of those before."""
        self._ask("faults", [asdict(fault) for fault in faults])

    def fired(self) -> dict[str, int]:
        """How often each fault that is played has fired."""
        return {fault["name"]: fault["fired"] for fault in self._ask("faults")}

    def ledger(self) -> dict[str, Any]:
        """The summary of what was billed."""
        summary: dict[str, Any] = self._ask("ledger")
        return summary

    def bills(self) -> Iterator[dict[str, Any]]:
        """Every embedded text that was billed, oldest first."""
        with self._open("ledger?full=1") as lines:
            yield from map(json.loads, lines)

    def _ask(self, what: str, body: object = None) -> Any:
        with self._open(what, body) as response:
            return json.load(response)

    def _open(self, what: str, body: object = None) -> IO[bytes]:
        request = urllib.request.Request(  # noqa: S310 our own http address
            f"{urljoin(self.base_url, '/_emulator/')}{what}",
            data=None if body is None else json.dumps(body).encode(),
            method="GET" if body is None else "PUT",
            headers={"authorization": f"Bearer {self.api_key}"},
        )
        response: IO[bytes] = urllib.request.urlopen(request)  # noqa: S310 the same
        return response


class _Protocol(GatedProtocol):
    """HTTP whose transport the application can reach, to cut the connection on purpose."""

    most = 768  # clients have pools of connections, most of them on this machine
    most_of_one = 640

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def serve(
    folder: Path,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    api_key: str | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    latency_s: float = 0.0,
    dialect: str = "openai",
    limits: Limits | None = None,
    webhook: tuple[str, str] | None = None,
    ready: Callable[[RunningEmulator], None] = lambda _: None,
) -> None:
    """Serve a folder until SIGINT or SIGTERM; `ready` is called once calls are accepted.

    Without an `api_key` a random one is made, which `ready` is told. `limits`: others than the dialect's. `webhook`:
    the address that is told of the batches that end, and the secret.

    Raises:
        UsageError: an address, the secret or the dialect cannot be used, or another emulator works in the folder.
    """
    with _served(
        folder,
        host=host,
        port=port,
        api_key=api_key,
        faults=faults,
        seed=seed,
        latency_s=latency_s,
        dialect=dialect,
        limits=limits,
        webhook=webhook,
    ) as served:
        ready(served.address)
        served.run()


@contextmanager
def running(
    folder: Path,
    *,
    port: int = 0,
    api_key: str | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    latency_s: float = 0.0,
    dialect: str = "openai",
    limits: Limits | None = None,
    webhook: tuple[str, str] | None = None,
) -> Iterator[RunningEmulator]:
    """Serve a folder on loopback from a thread of this process, for as long as the context lasts."""
    with _served(
        folder,
        host=LOOPBACK,
        port=port,
        api_key=api_key,
        faults=faults,
        seed=seed,
        latency_s=latency_s,
        dialect=dialect,
        limits=limits,
        webhook=webhook,
    ) as served:
        thread = threading.Thread(target=served.run, name="emulator")
        thread.start()
        try:
            yield served.address
        finally:
            served.server.should_exit = True
            thread.join()


class _Served(NamedTuple):
    server: uvicorn.Server
    listener: socket.socket
    address: RunningEmulator

    def run(self) -> None:
        self.server.run(sockets=[self.listener])


@contextmanager
def _served(
    folder: Path,
    *,
    host: str,
    port: int,
    api_key: str | None,
    faults: Sequence[Fault],
    seed: int,
    latency_s: float,
    dialect: str,
    limits: Limits | None,
    webhook: tuple[str, str] | None,
) -> Iterator[_Served]:
    api_key = api_key or secrets.token_urlsafe(24)
    spoken = dialect_of(dialect)
    vendor, limits = spoken.vendor, limits or spoken.limits
    if webhook and not vendor.tells_ends:
        raise UsageError(f"the dialect {dialect} has no webhooks here.")
    played = Faults([*spoken.oddities, *faults], seed)
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(folder)))
        listening = stack.enter_context(listener(host, port))
        sender = stack.enter_context(closing(Webhooks(*webhook))) if webhook else None
        stepper = Stepper(store, played, limits, vendor, latency_s)
        worker = Worker(stepper, sender.ended if sender else lambda _batch: None)
        service = Service(store, played, limits, vendor, worker, Rates(limits))
        server = gated(Api(service, api_key).application(), _Protocol)
        worker.start()
        try:
            yield _Served(server, listening, RunningEmulator(f"{http_url(host, listening)}{limits.path}", api_key))
        finally:
            worker.stop()


def webhook_of(url: str | None) -> tuple[str, str] | None:
    """A webhook's address with its secret, which is the environment's: OPENAI_WEBHOOK_SECRET."""
    return (url, os.environ.get("OPENAI_WEBHOOK_SECRET", "")) if url else None
