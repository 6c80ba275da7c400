"""The stages of a run, timed for whoever watches: seconds of each in all, and spans where there is a tracer."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span, Tracer

# What is told of a stage: names, counts, dollars. Never a text.
Told: TypeAlias = "dict[str, str | int | float | bool]"


class Stages:
    """How long each stage took, in this process so far, one inside the other."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """A `tracer` is given a span of each stage."""
        self._tracer = tracer
        self._lock = threading.Lock()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage; another thread may ask."""
        with self._lock:
            return dict(self._seconds)

    @contextmanager
    def stage(self, name: str, **told: str | float) -> Iterator[Told]:
        """A stage; what is put into the dictionary is told with it."""
        began_s = time.monotonic()
        facts: Told = dict(told)
        try:
            if self._tracer is None:
                yield facts
            else:
                with _span(self._tracer, name, facts):
                    yield facts
        finally:
            self._count(name, began_s)

    @contextmanager
    def step(self, name: str) -> Iterator[Told]:
        """A stage that is done again and again, mostly for nothing: of a step that tells nothing there is no span."""
        began_s, began_ns = time.monotonic(), time.time_ns()
        facts: Told = {}
        failed: BaseException | None = None
        try:
            yield facts
        except BaseException as error:
            failed = error
            raise
        finally:
            if failed or any(facts.values()):
                self._count(name, began_s)
                if self._tracer:
                    span = self._tracer.start_span(name, start_time=began_ns, attributes=_attributes(facts))
                    _mark(span, failed)
                    span.end()

    def _count(self, name: str, began_s: float) -> None:
        with self._lock:
            self._seconds[name] += time.monotonic() - began_s


@contextmanager
def _span(tracer: Tracer, name: str, facts: Told) -> Iterator[None]:
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except BaseException as error:
            _mark(span, error)
            raise
        finally:
            span.set_attributes(_attributes(facts))


def _mark(span: Span, error: BaseException | None) -> None:
    """Tell an error by its kind alone: its words may quote what is secret."""
    from opentelemetry.trace import Status, StatusCode

    if error:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))


def _attributes(facts: Told) -> Told:
    return {f"ingest.{name}": value for name, value in facts.items()}
