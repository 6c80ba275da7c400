"""Metrics as Prometheus reads them, and spans as an OpenTelemetry collector receives them."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from process_checks import eventually, reserved_port
from prometheus_client.parser import text_string_to_metric_families
from promises import CORPUS_FLAGS, write_corpus
from psycopg import conninfo, sql
from receivers import Receiver, receiving

from ingest.emulator import Fault
from ingest.errors import UsageError
from ingest.runs import metrics_served
from ingest.telemetry.tracing import open_tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


def scraped(port: int) -> dict[str, float]:
    """The samples: `name{label="value"}` and what it is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        text = response.read().decode()
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sample.labels.items())}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def environment(environment: dict[str, str], workshop: Workshop) -> dict[str, str]:
    return environment | {"INGEST_DIMENSIONS": "8", "INGEST_DATA_DIR": str(workshop.data_dir)}


@contextmanager
def started(*arguments: object, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


def tells(port: int, name: str) -> bool:
    """Whether there are metrics, and this among them."""
    try:
        return name in scraped(port)
    except URLError:
        return False


def test_metrics_follow_a_run_and_stand_where_webhooks_are_taken_after_it(
    workshop: Workshop, environment: dict[str, str], port: int
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with started("run", workshop.folder, "--metrics-port", port, environment=environment) as process:
        eventually(lambda: tells(port, "ingest_stage_seconds_total{stage=submit}"))
        meanwhile = scraped(port)
        workshop.emulator.set_faults()
        _, err = process.communicate(timeout=60)
    secret = {"OPENAI_WEBHOOK_SECRET": "whsec_aHVzaA=="}
    with started("webhook", "--port", 0, "--metrics-port", port, environment=environment | secret):
        eventually(lambda: tells(port, "ingest_up{}"))
        after = scraped(port)

    ledger = workshop.emulator.ledger()
    in_flight = "ingest_requests{corpus=corpus,state=in_flight}"
    assert process.returncode == 0
    assert f"metrics are at http://127.0.0.1:{port}/metrics" in err
    assert meanwhile["ingest_up{}"] == 1
    assert meanwhile["ingest_documents{corpus=corpus}"] == 11
    assert meanwhile["ingest_chunks_embedded{corpus=corpus}"] == 0
    assert meanwhile["ingest_batches{corpus=corpus,state=submitted}"] == 1
    assert meanwhile["ingest_request_tokens{corpus=corpus,state=in_flight}"] == ledger["tokens"]
    assert "ingest_stage_seconds_total{stage=sync}" in meanwhile
    assert meanwhile[in_flight] == 11
    assert "ingest_tokens_billed_total{corpus=corpus}" in meanwhile
    assert after[in_flight] == 0
    assert after["ingest_chunks_embedded{corpus=corpus}"] == 11
    assert after["ingest_texts_loaded_total{corpus=corpus}"] == 11
    assert after["ingest_tokens_billed_total{corpus=corpus}"] == ledger["tokens"]
    assert after["ingest_tokens_wasted_total{corpus=corpus}"] == 0
    assert after["ingest_dollars_billed_total{corpus=corpus}"] == pytest.approx(ledger["tokens"] * 0.01e-6)
    assert not any(name.startswith("ingest_stage_seconds") for name in after)


def test_stuck_batches_and_failed_texts_are_counted(workshop: Workshop, port: int) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=2))
    with workshop.pipeline(**CORPUS_FLAGS, metrics_port=port, stuck_hours=0) as pipeline:
        pipeline.run([str(workshop.folder)])
        write_corpus(workshop, 12)
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()

        with metrics_served(pipeline):
            found = scraped(port)

    assert found["ingest_requests{corpus=corpus,state=failed}"] == 2
    assert found["ingest_batches{corpus=corpus,state=stuck}"] == 1
    assert found["ingest_batches{corpus=corpus,state=submitted}"] == 0
    assert found["ingest_stage_seconds_total{stage=load}"] > 0


def test_a_corpus_that_cannot_be_read_is_down_and_up_again(workshop: Workshop, server_url: str, port: int) -> None:
    name = str(conninfo.conninfo_to_dict(workshop.database_url)["dbname"])
    names = {"name": sql.Identifier(name), "away": sql.Identifier(f"{name}_away")}
    with (
        workshop.pipeline(metrics_port=port) as pipeline,
        metrics_served(pipeline),
        psycopg.connect(server_url, autocommit=True) as connection,
    ):
        empty = scraped(port)
        connection.execute(sql.SQL("ALTER DATABASE {name} RENAME TO {away}").format(**names))
        while_it_is_away = scraped(port)
        connection.execute(sql.SQL("ALTER DATABASE {away} RENAME TO {name}").format(**names))
        again = scraped(port)

    assert (empty, while_it_is_away, again) == ({"ingest_up{}": 1}, {"ingest_up{}": 0}, {"ingest_up{}": 1})


def test_metrics_are_told_however_many_others_hold_the_line(workshop: Workshop, port: int) -> None:
    with workshop.pipeline(metrics_port=port) as pipeline, metrics_served(pipeline), ExitStack() as stack:
        for _ in range(200):
            with suppress(ConnectionError):
                stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"GET /metrics HTTP/1.1\r\n")
        with ThreadPoolExecutor(20) as scrapers:
            found = list(scrapers.map(scraped, [port] * 20))

    assert found == [{"ingest_up{}": 1}] * 20


def test_a_port_that_is_taken_is_refused_before_anything_is_begun(
    workshop: Workshop, environment: dict[str, str], ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        outcome = ingest("run", workshop.folder, "--metrics-port", port, environment=environment)

    assert outcome.status == 2
    assert outcome.err.startswith(f"error: cannot listen on 127.0.0.1 port {port}: ")
    assert workshop.query("SELECT to_regclass('corpus.documents')") == [(None,)]


def test_without_prometheus_client_it_is_told_how_to_get_it_before_anything_is_begun(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(workshop)
    monkeypatch.delitem(sys.modules, "ingest.reporting.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with (
        workshop.pipeline(metrics_port=0) as pipeline,
        pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[telemetry\]'"),
    ):
        pipeline.run([str(workshop.folder)])

    assert workshop.query("SELECT to_regclass('corpus.documents')") == [(None,)]


# Spans


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def spans(collector: Receiver) -> list[Any]:
    found = []
    for request in collector.received:
        assert request.path == "/v1/traces"
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            assert facts(resource.resource)["service.name"] == "pgvector-ingest"
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return found


def facts(told: Any) -> dict[str, Any]:
    """The attributes."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in told.attributes}


def test_a_run_and_its_stages_are_spans_with_their_figures_and_no_text(
    workshop: Workshop, environment: dict[str, str], collector: Receiver, ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)

    outcome = ingest(
        "run",
        workshop.folder,
        environment={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"},
    )

    by_name = {span.name: span for span in spans(collector)}
    children = defaultdict(set)
    for span in by_name.values():
        children[span.parent_span_id].add(span.name)
    assert outcome.status == 0, outcome.err
    assert children[b""] == {"run"}
    assert children[by_name["run"].span_id] == {"sync", "embed", "index"}
    assert children[by_name["embed"].span_id] == {"submit", "load"}
    told = facts(by_name["run"])
    assert (told["ingest.corpus"], told["ingest.loaded"], told["ingest.failed"]) == ("corpus", 11, 0)
    assert told["ingest.tokens"] == workshop.emulator.ledger()["tokens"]
    assert facts(by_name["sync"])["ingest.documents_new"] == 11
    assert facts(by_name["submit"]) == {"ingest.batches": 1}
    assert facts(by_name["load"]) == {"ingest.batches": 1, "ingest.loaded": 11, "ingest.failed": 0}
    sent = b"".join(request.body for request in collector.received)
    assert b"nothing else is" not in sent
    assert workshop.emulator.api_key.encode() not in sent


def test_an_error_is_told_by_its_kind(
    workshop: Workshop, environment: dict[str, str], collector: Receiver, ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)
    environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"http://{collector.address}/v1/traces"

    outcome = ingest("run", workshop.folder, "--max-cost", "0", environment=environment)

    [run] = [span for span in spans(collector) if span.name == "run"]
    assert outcome.status == 4
    assert (run.status.code, run.status.message, len(run.events)) == (2, "BudgetError", 0)


@pytest.mark.parametrize(
    "variables",
    [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
    ids=str,
)
def test_no_spans_are_sent_but_where_the_environment_asks_for_ours(
    workshop: Workshop,
    environment: dict[str, str],
    collector: Receiver,
    ingest: Callable[..., Outcome],
    variables: dict[str, str],
) -> None:
    if variables:
        variables = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}
    write_corpus(workshop, 1)

    outcome = ingest("run", workshop.folder, environment={**environment, **variables})

    assert outcome.status == 0
    assert ("no traces are sent: OTLP goes by http/protobuf" in outcome.err) == ("grpc" in variables.values())
    assert collector.received == []


def test_without_opentelemetry_it_is_said_how_to_get_it_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    said: list[str] = []

    with open_tracer(said.append) as tracer:
        assert tracer is None

    assert len(said) == 1
    assert "pip install 'pgvector-ingest[telemetry]'" in said[0]


def test_a_collector_that_is_away_fails_no_run(
    workshop: Workshop, environment: dict[str, str], ingest: Callable[..., Outcome]
) -> None:
    write_corpus(workshop)
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}

    outcome = ingest("run", workshop.folder, "--json", environment=environment)

    assert outcome.status == 0
    assert outcome.json["embedded"] == 11
