"""What is told of a run: its metrics while it goes, a span of it, and a notice of its end, each where it is wanted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.reporting import RunReport
    from ingest.runs.resources import Resources


def watched(resources: Resources, verb: str, work: Callable[[], RunReport], *beside: str) -> RunReport:
    """Do the work of a verb on a corpus, and on others `beside` it.

    Raises:
        UsageError: what is told cannot be, so nothing is begun.
    """

    def staged() -> RunReport:
        with resources.stages.stage(verb, corpus=resources.corpus) as told:
            report = work()
            told |= {
                "provider": report.provider,
                "model": report.model,
                "tokens": report.tokens,
                "dollars": report.dollars,
                "loaded": report.load.loaded,
                "failed": report.load.failed,
                "chunks": report.chunks,
                "embedded": report.embedded,
            }
        return report

    with metrics_served(resources, *beside):
        return resources.notifier.told(resources.corpus, staged)


@contextmanager
def metrics_served(resources: Resources, *beside: str) -> Iterator[None]:
    """Serve the metrics of a corpus, and of others beside it, where a port is set.

    Raises:
        UsageError: prometheus_client is not installed, or the port cannot be used.
    """
    settings, stages = resources.settings, resources.stages
    if settings.metrics_port is None:
        yield
        return
    try:
        from ingest.reporting.metrics import served
    except ImportError as error:
        raise UsageError(
            f"--metrics-port needs the package {error.name}: pip install 'pgvector-ingest[telemetry]'."
        ) from None
    corpora, stuck_s = [resources.corpus, *beside], settings.stuck_hours * 3600
    with served(settings.metrics_port, corpora, resources.database_url, stuck_s, lambda: stages.seconds) as url:
        resources.progress.say(f"metrics are at {url}")
        yield
