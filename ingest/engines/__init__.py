"""Where documents are read and chunked, and results loaded: by processes or threads here, or the workers of a cluster.

An engine is where a function runs, not what it does: whatever the engine, the results are the same, in the same order.
"""

from __future__ import annotations

import sys
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Argument = TypeVar("Argument")
    Result = TypeVar("Result")

Result_co = TypeVar("Result_co", covariant=True)


# A page whose server does not tell its size counts as a sixteenth of the bytes that may be begun.
_UNTOLD_SHARE = 16


class Begun(Protocol[Result_co]):
    """A call that was begun."""

    def result(self) -> Result_co:
        """What it returned, once it has; what it raised is raised here."""

    def cancel(self) -> object:
        """It is wanted no more: it need not begin."""


class Engine(Protocol):
    """Where calls run, and how much may be begun before its results are taken: the bounds on memory."""

    parcel_items: int
    """Documents in one call: several, where a call itself costs something."""
    parcel_bytes: int
    ahead_parcels: int
    ahead_bytes: int
    is_here: bool
    """Whether calls run on this machine: what comes over a network is then brought for them, many at once."""

    def begin(self, function: Callable[[Argument], Result], argument: Argument, size: int) -> Begun[Result]:
        """Begin a call on so many bytes. A cluster is sent the function, which is one of a module, and the argument."""


@contextmanager
def open_local(prepare: Callable[[], object]) -> Iterator[Engine]:
    """This machine as an engine, for as long as it is needed.

    `prepare` loads what calls need, where that is not this process.
    """
    if sys.platform != "linux":
        from ingest.engines.threads import Threads

        with Threads() as threads:
            yield threads
    else:
        from ingest.engines.processes import Processes

        with Processes(prepare) as processes:
            yield processes


def in_order(
    engine: Engine,
    function: Callable[[Argument], Result],
    work: Iterable[tuple[int, Argument]],
    at_once: int | None = None,
) -> Iterator[tuple[Argument, Result]]:
    """Call a function with each of some arguments, given with their bytes (0: untold): these and the results, in order.

    At most so many are begun before their results are taken as the engine bears, or `at_once`.
    """
    most = min(at_once or engine.ahead_parcels, engine.ahead_parcels)
    begun: deque[tuple[int, Argument, Begun[Result]]] = deque()
    held = 0
    try:
        for told, argument in work:
            size = told or engine.ahead_bytes // _UNTOLD_SHARE
            while begun and (len(begun) >= most or held + size > engine.ahead_bytes):
                done, first, call = begun.popleft()
                held -= done
                yield first, call.result()
            begun.append((size, argument, engine.begin(function, argument, size)))
            held += size
        while begun:
            _, first, call = begun.popleft()
            yield first, call.result()
    finally:
        for _, _, call in begun:
            call.cancel()
