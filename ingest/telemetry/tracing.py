"""OpenTelemetry: a tracer, as the standard variables of the environment configure it, and only where they do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@contextmanager
def open_tracer(say: Callable[[str], None]) -> Iterator[Tracer | None]:
    """A tracer that sends to the endpoint of the environment; at the end what is left is sent. None: there is none.

    The variables may be those of a whole machine: what we cannot follow is said, and no reason to stop.
    """
    if not _is_wanted():
        yield None
        return
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        say(f"no traces are sent: OTLP goes by http/protobuf from here, and the environment asks for {protocol}")
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        say("no traces are sent, though the environment names an endpoint: pip install 'pgvector-ingest[telemetry]'")
        yield None
        return
    named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "") or os.environ.get("OTEL_SERVICE_NAME")
    provider = TracerProvider(
        resource=Resource.create({} if named else {"service.name": "pgvector-ingest"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider.get_tracer("pgvector-ingest")
    finally:
        provider.shutdown()


def _is_wanted() -> bool:
    names_endpoint = any(os.environ.get(name) for name in _ENDPOINTS)
    return names_endpoint and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") in ("", "otlp")
