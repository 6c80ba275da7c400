"""A Ray cluster as an engine: calls are tasks, which Ray begins again on another worker when one dies.

Plain tasks, a bounded number of them at a time, rather than Ray Data: a source is read as it is listed and is never
held as a whole, while a dataset is made of all its items; and results come back in their order, by `ray` alone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from contextlib import contextmanager
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ingest.engines import alarm
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Argument = TypeVar("Argument")

Result = TypeVar("Result")

_DISTRIBUTION = "pgvector-ingest"
_CONNECT_TIMEOUT_S = 10
_RETRIES = 3  # how often a call is begun again because its worker died
# Of a cluster of our own: many times what is ahead. Ray spills more than that to the disk.
_STORE_BYTES = 256_000_000


class Cluster:
    """The workers of a Ray cluster. What is begun ahead grows with their number."""

    parcel_items = 64  # a task costs about a millisecond
    parcel_bytes = 1_000_000
    is_here = False

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._call = ray.remote(max_retries=_RETRIES)(call)
        self._version = version(_DISTRIBUTION)
        self.ahead_parcels = 4 * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        self.ahead_bytes = self.ahead_parcels * self.parcel_bytes

    def begin(self, function: Callable[[Argument], Result], argument: Argument, _size: int) -> Task[Result]:
        """Begin a call."""
        return Task(self._ray, self._call.remote(self._version, function, argument))


class Task(Generic[Result]):
    """A call on a worker."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray = ray
        self._reference = reference

    def result(self) -> Result:
        """What it returned, once it has; what it raised is raised here.

        Raises:
            UnreachableError: its workers died, one after the other, or the cluster is gone.
        """
        errors = self._ray.exceptions
        try:
            result: Result = self._ray.get(self._reference)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:
            raise UnreachableError(
                f"the Ray cluster failed ({type(error).__name__}: {_first_line(error)}). Nothing is lost: see that "
                "its workers have memory and room on their disks, then run the same command again."
            ) from error
        return result

    def cancel(self) -> None:
        """It is wanted no more: it need not begin."""
        self._ray.cancel(self._reference)


@contextmanager
def ray_cluster() -> Iterator[Cluster]:
    """The cluster that RAY_ADDRESS names; else one of our own on this machine, which ends with us.

    One that this process is connected to already is used, and left as it is.

    Raises:
        UsageError: Ray is not installed.
        UnreachableError: the cluster does not answer.
    """
    address = os.environ.get("RAY_ADDRESS") or None
    if address is None:
        # Ray asks for every interface on Linux, and for the loopback where it is told that no other machine will come.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'pgvector-ingest[ray]'.") from None
    if ray.is_initialized():
        yield Cluster(ray)
        return
    # For us alone, and gone afterwards: what does not fit into memory is written there, and that is the corpus's text.
    with TemporaryDirectory(prefix="ingest-ray-", ignore_cleanup_errors=True) as folder:
        _connect(ray, address, folder)
        try:
            yield Cluster(ray)
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None, folder: str) -> None:
    """Connect this process to the cluster, or start one that has its files in a folder."""
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address and ":" in address:  # not "auto"
            host, _, port = address.rpartition("/")[2].rpartition(":")
            socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()  # Ray would try for minutes
        with _our_signals():
            if address:
                ray.init(address=address, **quietly)
            else:
                ray.init(
                    address="local",
                    include_dashboard=False,
                    object_store_memory=_STORE_BYTES,
                    _temp_dir=folder,
                    **quietly,
                )
    except (OSError, RuntimeError, ValueError) as error:
        raise UnreachableError(
            f"no Ray cluster at {address or 'this machine'}: {_first_line(error)}. Check RAY_ADDRESS, and that the "
            "versions of Ray and Python are the same there."
        ) from error


def call(expected: str, function: Callable[[Argument], Result], argument: Argument) -> Result:
    """Call a function on a worker, which must do exactly what we would.

    Raises:
        UsageError: another version of this package is installed there.
    """
    found = version(_DISTRIBUTION)
    if found != expected:
        raise UsageError(f"a worker of the Ray cluster has {_DISTRIBUTION} {found}: install {expected}, as it is here.")
    if threading.current_thread() is threading.main_thread():
        alarm.take()
    return function(argument)


@contextmanager
def _our_signals() -> Iterator[None]:
    """Keep our way to end on SIGTERM: Ray puts another in its place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, ours)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__).rstrip(".")
