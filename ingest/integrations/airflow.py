"""Operators of Apache Airflow 3: a run in rounds, deferred while batches are in flight. Needs the extra `airflow`.

The names of the trigger and of its arguments stand in the databases of those who use it: they stay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence  # noqa: TC003 - Airflow looks at it
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink
from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from ingest.errors import IngestError, UsageError
from ingest.integrations.given import LONGEST_S, lacking, longest_wait_s, play_round, read_settings, shown_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.sdk import Context

    from ingest.pipeline import Pipeline
    from ingest.settings import Settings

# With the event of an asset.
_COUNTS = ("corpus", "documents", "chunks", "embedded", "documents_new", "documents_changed", "documents_gone", "run")


class _Corpus(BaseOperator):  # type: ignore[misc]  # where Airflow is not installed it is of any type
    """What operators on a corpus have in common: settings, and connections in the place of secrets."""

    template_fields: Sequence[str] = ("corpus", "settings")

    def __init__(
        self,
        *,
        corpus: str = "corpus",
        settings: Mapping[str, Any] | None = None,
        postgres_conn_id: str | None = None,
        provider_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.corpus = corpus
        shown_settings(settings, corpus)
        self.settings = dict(settings or {})
        self.postgres_conn_id = postgres_conn_id
        self.provider_conn_id = provider_conn_id

    def _open(self) -> Pipeline:
        from ingest.pipeline import Pipeline

        return Pipeline(read_settings(self._shown(), self._of_connections()))

    def _shown(self) -> dict[str, Any]:
        return shown_settings(self.settings, self.corpus)

    def _of_connections(self) -> dict[str, str | None]:
        postgres = self.postgres_conn_id and BaseHook.get_connection(self.postgres_conn_id)
        provider = self.provider_conn_id and BaseHook.get_connection(self.provider_conn_id)
        return _secrets(postgres, provider)


class IngestOperator(_Corpus):
    """Bring a corpus up to date: read, send, and wait for the batches without a worker; then load and index.

    `source`: a path, URL or a list of them, or a table (`{"name": "articles", "text": "body"}`); None: what waits is
    sent, nothing is read. It is read in the first of the task's rounds, and again where rows were edited meanwhile.
    `settings`: those of ingest.toml, plain JSON. `max_dollars`: the most that the run may cost. `postgres_conn_id`,
    `provider_conn_id` (the key as its password, the address as its host): None: DATABASE_URL and OPENAI_API_KEY of the
    workers. `report`: where the report is written, as a page of HTML, and `report_url` where people find that.
    `cancel_on_kill`: whether a task that is killed cancels its batches; else a later try finds them, and goes on.

    It returns what `Pipeline.advance` returns of the last round. A try that is repeated, after whatever stop, sends
    nothing twice. What a retry cannot help fails at once: a wrong setting, a budget, an account that is refused.
    """

    template_fields: Sequence[str] = ("source", "corpus", "settings", "max_dollars", "report", "report_url")
    operator_extra_links: Sequence[BaseOperatorLink] = ()

    def __init__(
        self,
        *,
        source: str | Sequence[str] | Mapping[str, Any] | None = None,
        max_dollars: float | str | None = None,
        report: str | None = None,
        report_url: str | None = None,
        cancel_on_kill: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.max_dollars = max_dollars
        self.report = report
        self.report_url = report_url
        self.cancel_on_kill = cancel_on_kill
        if report:
            self.operator_extra_links = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """The first round."""
        return self._advance(context, None)

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """A further one."""
        self.log.info("batches that have ended: %s", event["ended"] or "none")
        return self._advance(context, event)

    def on_kill(self) -> None:
        """Batches go on, unless it is wanted otherwise."""
        if self.cancel_on_kill:
            with self._open() as pipeline:
                pipeline.cancel(wait=False)

    def _advance(self, context: Context, before: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            limit = None if self.max_dollars is None else float(self.max_dollars)
            done = play_round(self.source, self._shown(), limit, before, self._of_connections(), self.report)
        except IngestError as error:
            if error.is_retryable:
                raise
            raise AirflowFailException(str(error)) from error
        for name in done["unread"]:
            self.log.warning("not read: %s", name)
        if not done["done"]:
            trigger = BatchesTrigger(
                batch_ids=done["batch_ids"],
                settings=self._shown(),
                look_again_s=longest_wait_s(done),
                postgres_conn_id=self.postgres_conn_id,
                provider_conn_id=self.provider_conn_id,
                cancel_on_kill=self.cancel_on_kill,
            )
            self.defer(trigger=trigger, method_name="resume")
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {name: done[name] for name in _COUNTS}
        if trouble := lacking(done):
            raise AirflowFailException(trouble)
        return done


class IngestSensor(_Corpus, BaseSensorOperator):  # type: ignore[misc]  # as above
    """Wait until nothing is in flight or waits in a corpus that something else fills; it asks the database alone."""

    def __init__(self, *, mode: str = "reschedule", **kwargs: Any) -> None:
        super().__init__(mode=mode, **kwargs)

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - the form is Airflow's
        """Whether it is so."""
        with self._open() as pipeline:
            return not pipeline.status().is_moving


class BatchesTrigger(BaseTrigger):  # type: ignore[misc]  # as above
    """Fires when the first of some batches has ended, and after `look_again_s`, or an hour, at the latest."""

    def __init__(
        self,
        batch_ids: Sequence[str],
        settings: Mapping[str, Any],
        look_again_s: float,
        postgres_conn_id: str | None = None,
        provider_conn_id: str | None = None,
        cancel_on_kill: bool = False,
    ) -> None:
        super().__init__()
        self.batch_ids = list(batch_ids)
        self.settings = dict(settings)
        self.look_again_s = look_again_s
        self.postgres_conn_id = postgres_conn_id
        self.provider_conn_id = provider_conn_id
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps."""
        names = ("batch_ids", "settings", "look_again_s", "postgres_conn_id", "provider_conn_id", "cancel_on_kill")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event."""
        if not self.batch_ids:
            await asyncio.sleep(self.look_again_s)
            yield TriggerEvent({"ended": []})
            return
        from ingest.waiting import ended

        settings = await self._settings()
        longest_s = min(max(self.look_again_s, 1.0), LONGEST_S)
        found = await ended(
            self.batch_ids, settings=settings, poll_s=max(settings.poll_seconds, 1.0), longest_s=longest_s
        )
        yield TriggerEvent({"ended": found})

    async def on_kill(self) -> None:
        """As the operator's: a task that is killed is deferred most of the time."""
        if self.cancel_on_kill:
            await asyncio.to_thread(_cancel, await self._settings())

    async def _settings(self) -> Settings:
        postgres = self.postgres_conn_id and await BaseHook.aget_connection(self.postgres_conn_id)
        provider = self.provider_conn_id and await BaseHook.aget_connection(self.provider_conn_id)
        return await asyncio.to_thread(read_settings, self.settings, _secrets(postgres, provider))


class ReportLink(BaseOperatorLink):  # type: ignore[misc]  # as above
    """The report of the run, in the task's extra links."""

    name = "Report"

    def get_link(self, operator: IngestOperator, *, ti_key: object) -> str:  # noqa: ARG002 - the form is Airflow's
        """Where it is found."""
        return operator.report_url or (Path(operator.report).absolute().as_uri() if operator.report else "")


def _cancel(settings: Settings) -> None:
    from ingest.pipeline import Pipeline

    with Pipeline(settings) as pipeline:
        pipeline.cancel(wait=False)


def _secrets(postgres: Any, provider: Any) -> dict[str, str | None]:
    address = provider.host or None if provider else None
    if address and "://" not in address:  # a key goes nowhere else than it was meant to
        raise UsageError(
            f"the host of the connection {provider.conn_id} is {address}: give the whole address, as https://{address}/v1."
        )
    return {
        "database_url": postgres.get_uri() if postgres else None,
        "api_key": provider.password if provider else None,
        "base_url": address,
    }
