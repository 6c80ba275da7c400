"""The whole way: from sources to vectors in a searchable column. The one place that knows the order of the stages."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeAlias

from ingest.batches import Batch, open_batches
from ingest.column import clear, fill, find_target, open_target, share
from ingest.database.connection import connect
from ingest.database.corpus import (
    CorpusSize,
    Indexing,
    corpus_size,
    create_corpus,
    find_bound_indexing,
    read_indexing,
    upgrade_corpus,
)
from ingest.database.full_text import build_full_text_index, full_text_index_exists
from ingest.database.indexes import (
    PASSAGES,
    build_index,
    defer_index,
    find_indexes,
    index_exists,
    index_if_worth_it,
    own_index,
)
from ingest.database.news import tell
from ingest.database.statements import statement
from ingest.errors import BudgetError, UsageError
from ingest.estimate import Estimate, estimate
from ingest.flow import Flow, known_budget, outstanding, shard_plan
from ingest.ledger import Costs, begin_run, read_costs
from ingest.loader import load_file
from ingest.parquet import write_parquet
from ingest.plans import fills_column, plan_chunking, plan_index, plan_indexing, plan_way, priced_model
from ingest.reembedding import reembed
from ingest.report import RunReport
from ingest.resources import Resources
from ingest.search import Passage, Search, search, search_sql
from ingest.settling import LoadReport, Retries
from ingest.shards import Shard, ShardPlan, remove_orphans, write_shards
from ingest.sources.extraction.workers import Limits
from ingest.sources.files import Files
from ingest.sources.tables import Table, table_rows
from ingest.status import Status, Terms, list_failures, read_status
from ingest.sync import sync
from ingest.versions import finish, next_of, roll_back
from ingest.watching import metrics, watched
from ingest.words import about

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.budget import Budget
    from ingest.catalog import EmbeddingModel
    from ingest.chunking import Chunking
    from ingest.column import ColumnTarget
    from ingest.plans import Given
    from ingest.reading import SyncReport
    from ingest.settings import Mode
    from ingest.sources.source import Source

# Whether so many tokens, for so many dollars, may be sent.
Approval: TypeAlias = "Callable[[int, float], bool]"


@dataclass(frozen=True, slots=True)
class Spending:
    """Who approves of what is spent, and which price is paid."""

    approve: Approval | None = None
    mode: Mode = "batch"


_WATCH_PAUSE_S = 2.0  # a look reads the database alone
_EDIT_ROUNDS = 3  # how often rows that are edited all the time are sent again in one run


class Pipeline(Resources):
    """A corpus and the provider that embeds it. Use as a context manager: servers it starts stop with it."""

    # The verbs

    def run(self, source: Given, approve: Approval | None = None) -> RunReport:
        """Everything: sync, submit, wait, load, index. Run it again after any stop: it goes on where it stopped.

        `approve` is asked with the tokens and dollars that are about to be spent, and may refuse.

        Raises:
            BudgetError: `approve` refused; what was read is kept, nothing was sent.
        """
        return watched(self, "run", partial(self._run, source, approve))

    def _run(self, source: Given, approve: Approval | None) -> RunReport:
        with self._explained():
            indexing = self._open(create=True, whole=fills_column(source))
            report = self._report(indexing)
            with _timed(report.seconds, "sync"):
                report.sync = self._lasting(lambda: self._sync(source, indexing))
            spending = self._begun(indexing, approve, report)
            with _timed(report.seconds, "embed and load"):
                self._embed(indexing, report.load, spending)
                self._follow_edits(source, indexing, spending, report)
            size = self._complete(indexing, report)
            self._lasting(lambda: self._weigh(report.sync, indexing, spending.mode, size))
        return report

    def create(self) -> None:
        """Create the corpus, or bring it up to date; nothing is read."""
        with self._explained():
            self._open(create=True)

    def embed(self, approve: Approval | None = None) -> RunReport:
        """A run of what waits in line already: submit, wait, load, index; nothing is read.

        Raises:
            BudgetError: `approve` refused; nothing was sent.
        """
        with self._explained():
            indexing = self._open()
            report = self._report(indexing)
            spending = self._begun(indexing, approve, report)
            with _timed(report.seconds, "embed and load"):
                self._embed(indexing, report.load, spending)
            self._complete(indexing, report)
        return report

    def sync(self, source: Given) -> SyncReport:
        """Read, chunk and diff into the database; nothing is sent."""
        with self._explained():
            indexing = self._open(create=True, whole=fills_column(source))
            report = self._lasting(lambda: self._sync(source, indexing))
            mode = plan_way(self.settings, self._lasting(self._unsent_tokens)).mode
            self._lasting(lambda: self._weigh(report, indexing, mode, corpus_size(self.connection)))
            return report

    def estimate(self, source: Given) -> Estimate:
        """What `run` would find, send and cost; nothing is written."""
        with self._explained():
            stored = find_bound_indexing(self.connection)
            whole = fills_column(source)
            indexing = plan_indexing(self.settings, stored, is_local=self.is_local, whole=whole)
            connection = self.connection if stored else None
            budget = known_budget(connection, self.settings, self.endpoint, indexing.model)
            chunking = plan_chunking(self.settings, indexing, source)
            with self._source(source) as documents, self._engine(documents, chunking) as engine:
                return estimate(
                    connection,
                    documents,
                    chunking,
                    self._shard_plan(indexing, budget),
                    budget,
                    priced_model(self.settings, indexing),
                    self.progress,
                    engine,
                    full=self.settings.full,
                )

    def submit(self, approve: Approval | None = None) -> list[Batch]:
        """Write what waits in line into shards, and submit what fits; does not wait. The batches in flight.

        Raises:
            BudgetError: `approve` refused; nothing was sent.
        """
        with self._explained():
            indexing = self._open()
            tokens = self._unsent_tokens()
            self._ask(indexing, Spending(approve), tokens, "nothing was sent")
            if tokens:
                self._require_batches()
                begin_run(self.connection, self._priced(indexing))

            def send() -> list[Batch]:
                flow = self._flow(indexing)
                while flow.write_shard():
                    flow.submit()
                flow.submit()
                return open_batches(self.connection)

            return self._lasting(send)

    def load(self, files: Sequence[Path] = ()) -> LoadReport:
        """Load finished batches; or, with files, result files that were fetched by hand."""
        with self._explained():
            if not files:
                indexing = self._open()
                return self._lasting(lambda: self._load_ended(indexing))
            indexing = self._stored()
            report = LoadReport()
            retries = Retries(self.settings.max_attempts, self.settings.retry_wait_seconds)
            with self.progress.stage("loading", unit="vectors") as bar:
                for file in files:
                    report.add(load_file(self.connection, self.corpus, indexing, file, retries, bar.advance))
            return report

    def cancel(self) -> LoadReport:
        """Cancel what is on the way; what is done already is loaded, the rest waits in line."""
        with self._explained():
            indexing = self._open()
            report = LoadReport()
            self._lasting(lambda: self._flow(indexing).cancel(report, self.progress))
            return report

    def clean(self) -> int:
        """Delete the files of loaded batches at the provider, and what lost answers left there; how many files."""
        with self._explained():
            self._require_batches()
            flow = self._flow(self._open())
            return flow.clean() + flow.clean_left_over()

    def retry_stuck(self) -> list[Batch]:
        """Cancel the batches that make no progress: what they made is loaded by the next run, the rest sent again."""
        with self._explained():
            return self._flow(self._open()).cancel_stuck()

    def export(self, folder: Path) -> list[Shard]:
        """Write what waits in line as request files into a folder; `load` takes the results back."""
        with self._explained():
            indexing = self._stored()
            begin_run(self.connection, self._priced(indexing))
            return write_shards(
                self.connection,
                self.corpus,
                folder.absolute(),
                shard_plan(indexing, self.settings, "export", self.settings.max_enqueued_tokens),
                self.progress,
                state="exported",
            )

    def parquet(self, path: Path) -> int:
        """Write the passages that have their vectors as a Parquet file; how many.

        Raises:
            UsageError: the vectors stand in a table of the user's own.
        """
        with self._explained():
            indexing = self._stored()
            if target := find_target(self.connection):
                raise UsageError(f"this corpus fills {target.label}: its texts and vectors stand there.")
            return write_parquet(self.connection, indexing, path.absolute(), self.progress)

    def retry(self, *, exported: bool = False) -> int:
        """Put requests that failed for good back in line; with `exported`, those that were exported. How many."""
        with self._explained():
            self._stored()
            name = "return_exported_requests" if exported else "return_failed_requests"
            return self.connection.execute(statement(name)).rowcount

    def index(self) -> bool:
        """Build the vector index, or build it anew; False where an index of the user's own on his table serves."""
        with self._explained():
            indexing, plan, column = self._stored(), plan_index(self.settings), PASSAGES
            if target := find_target(self.connection):
                column = target.column
                if name := own_index(self.connection, column, indexing, plan):
                    self.progress.say(f"{target.label} has the index {name} of your own: it is left as it is")
                    return False
            elif self.settings.full_text:
                build_full_text_index(self.connection, self.settings.full_text)
            build_index(self.connection, self.connect, indexing, plan, self.progress, column)
        return True

    def reembed(self, approve: Approval | None = None) -> RunReport:
        """Embed the corpus by another model beside the one in use, then swap; resumable like a run.

        The model, dimensions and type are those of the settings. The old version is kept until `finish`.

        Raises:
            UsageError: the corpus is of that model already, or an older version still stands beside it.
            BudgetError: `approve` refused; nothing was sent.
        """
        return watched(self, "reembed", partial(self._reembed, approve), next_of(self.corpus))

    def _reembed(self, approve: Approval | None) -> RunReport:
        with self._explained():
            return reembed(self, approve)

    def roll_back(self) -> None:
        """Put the version that was in use before `reembed` back."""
        with self._explained():
            roll_back(self.connection, self.corpus)

    def finish(self, *, discard: bool = False) -> str:
        """Drop the old version; with `discard`, the new one that is not in use. The schema that went."""
        with self._explained():
            self._stored()
            return finish(self.connection, self.corpus, discard=discard)

    def search(self, text: str, limit: int = 5, *, hybrid: bool = False) -> list[Passage]:
        """The passages nearest to a text; `hybrid`: and those that hold its words."""
        with self._explained():
            indexing = self._searchable(text)
            return search(self.connection, self.provider, indexing, text, self._how(limit, hybrid=hybrid))

    def search_sql(self, text: str, limit: int = 5, *, hybrid: bool = False) -> str:
        """The SQL of a search, to be run by psql or from a program."""
        with self._explained():
            indexing, how = self._searchable(text), self._how(limit, hybrid=hybrid)
            return search_sql(self.connection, self.provider, indexing, self.corpus, text, how)

    def status(self) -> Status:
        """What runs, what waits and why, what it has cost, when it will be done, what failed."""
        with self._explained():
            return self._lasting(lambda: self._status(self._stored()))

    def statuses(self) -> Iterator[Status]:
        """The status again and again, until nothing is on the way or in line. It looks on; another process works."""
        while True:
            yield (status := self.status())
            if not status.is_moving:
                return
            time.sleep(min(_WATCH_PAUSE_S, self.settings.poll_seconds))

    def report(self, path: Path) -> None:
        """Write the corpus's last runs as one page of HTML.

        Raises:
            UsageError: something else than a report is there.
        """
        from ingest.page import page, require_ours, write_page
        from ingest.page.findings import read_findings

        require_ours(path)
        with self._explained():
            indexing = self._stored()
            status, costs = self._status(indexing), read_costs(self.connection, self.corpus, indexing.model, 0)
            findings = read_findings(self.connection, indexing, status, costs)
        write_page(path, page(findings))

    def costs(self, documents: int = 0) -> Costs:
        """What the corpus has cost by the ledger, run by run; and its so many dearest documents."""
        with self._explained():
            indexing = self._stored()
            return read_costs(self.connection, self.corpus, indexing.model, documents)

    def serve_webhooks(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Take the provider's webhooks until SIGINT or SIGTERM, for the runs of all corpora of the database.

        `ready` is told the address. Nothing is lost where this does not run: runs look by themselves, too.

        Raises:
            UsageError: there is no secret, or the address cannot be used.
        """
        secret = self.settings.webhook_secret
        if secret is None:
            raise UsageError(
                "webhooks are known by their signature: set OPENAI_WEBHOOK_SECRET to the secret that OpenAI showed."
            )
        connect(self.database_url, None).close()  # now, and not with the first event
        try:
            from ingest.webhook import serve
        except ImportError as error:
            raise UsageError(
                f"ingest webhook needs the package {error.name}: pip install 'pgvector-ingest[webhook]'."
            ) from None
        with metrics(self):
            serve(host, port, secret.get_secret_value(), partial(tell, self.database_url), self.progress.say, ready)

    # A second one

    @contextmanager
    def beside(self, corpus: str, **settings: object) -> Iterator[Pipeline]:
        """A pipeline on another corpus, with the same database and provider."""
        update = settings | {"corpus": corpus, "metrics_port": None}  # those of both are served already
        with Pipeline(self.settings.model_copy(update=update), self.progress) as other:
            other.database_url, other.notifier, other.stages = self.database_url, self.notifier, self.stages
            if self.is_local:
                other.account, other.provider = self.account, self.provider  # one server for both
            yield other

    # The stages

    def _searchable(self, text: str) -> Indexing:
        if not text.strip():
            raise UsageError("there is nothing to search for: give some words.")
        indexing = self._open()
        if target := find_target(self.connection):
            raise UsageError(f"this corpus fills {target.label}: search that table by SQL.")
        return indexing

    def _how(self, limit: int, *, hybrid: bool) -> Search:
        return Search(limit, self.settings.distance, (self.settings.full_text or "simple") if hybrid else None)

    def _open(self, *, create: bool = False, whole: bool = False) -> Indexing:
        """The corpus, created or brought up to date where that is asked for; `whole`: for a chunk a document."""

        def opened() -> Indexing:
            stored = find_bound_indexing(self.connection) if create else self._stored()
            indexing = plan_indexing(self.settings, stored, is_local=self.is_local, whole=whole)
            if create:
                create_corpus(self.connection, self.corpus, indexing)
            return indexing

        return self._lasting(opened)

    def _stored(self) -> Indexing:
        """The corpus as it is, its schema brought up to date: all that is needed where no provider is."""
        indexing = read_indexing(self.connection, self.corpus)
        upgrade_corpus(self.connection, self.corpus)
        return indexing

    def _sync(self, source: Given, indexing: Indexing) -> SyncReport:
        chunking = plan_chunking(self.settings, indexing, source)
        target = self._bind(source, indexing, chunking)
        shared = {"share": partial(share, self.connection, indexing, target)} if target else {}
        with (
            self.stages.stage("sync", corpus=self.corpus) as told,
            self._source(source) as documents,
            self._engine(documents, chunking) as engine,
        ):
            report = sync(
                self.connection,
                self.corpus,
                documents,
                chunking,
                self.progress,
                engine,
                full=self.settings.full,
                **shared,
            )
            told |= {
                "documents_new": report.documents_new,
                "documents_changed": report.documents_changed,
                "documents_gone": report.documents_gone,
                "chunks_new": report.chunks_new,
                "tokens": report.tokens_to_pay,
            }
        return report

    def _weigh(self, report: SyncReport, indexing: Indexing, mode: Mode, size: CorpusSize) -> None:
        """What a sync found, held against the whole corpus."""
        report.tokens_in_corpus = size.tokens + sum(
            tokens for _, tokens in self.connection.execute(statement("count_filled_rows"))
        )
        price = self._price(indexing, mode) / 1e6
        report.dollars_to_pay = report.tokens_to_pay * price
        report.dollars_saved = max(report.tokens_in_corpus - report.tokens_to_pay, 0) * price

    def _bind(self, source: Given, indexing: Indexing, chunking: Chunking) -> ColumnTarget | None:
        """A corpus fills one column, or it is one of passages."""
        if isinstance(source, Table) and source.into:
            plainly = partial(connect, self.database_url, None)
            return open_target(self.connection, plainly, indexing, chunking, source)
        if target := find_target(self.connection):
            raise UsageError(f"the corpus {self.corpus} fills {target.label}: name another --corpus for these.")
        return None

    def _fill(self, indexing: Indexing, report: LoadReport) -> None:
        """The vectors that have arrived, on into the user's column, where the corpus has one."""
        if target := find_target(self.connection):
            filled = fill(self.connection, self.corpus, indexing, target)
            report.rows_filled += filled.filled
            report.rows_edited += filled.stale

    def _follow_edits(self, source: Given, indexing: Indexing, spending: Spending, report: RunReport) -> None:
        """Send the rows again that were edited while their vectors were on the way; clear those that have none."""
        target = find_target(self.connection)
        if target is None:
            return
        edited = report.load.rows_edited
        for _ in range(_EDIT_ROUNDS):
            if not edited:
                break
            self._sync(source, indexing)
            tokens = self._unsent_tokens()
            report.dollars += self._ask(indexing, spending, tokens, "nothing was sent")
            report.tokens += tokens
            load = LoadReport()
            self._embed(indexing, load, spending)
            report.load.add(load)
            edited = load.rows_edited
        report.load.rows_cleared = clear(self.connection, self.corpus, indexing, target)
        report.column = target.label
        report.rows = sum(row[0] for row in self.connection.execute(statement("count_filled_rows")))

    def _source(self, given: Given) -> AbstractContextManager[Source]:
        if isinstance(given, Table):
            return table_rows(self.database_url, given)
        if not isinstance(given, Files):
            # One path is no sequence of its letters: the first is that of the whole machine.
            paths = [given] if isinstance(given, str | PathLike) else given
            given = Files([fspath(path) for path in paths])
        limits = Limits(self.settings.extract_seconds, self.settings.extract_memory_mb)
        return nullcontext(replace(given, limits=limits))

    def _embed(self, indexing: Indexing, report: LoadReport, spending: Spending) -> None:
        def embed() -> None:
            self._fill(indexing, report)
            remove_orphans(self.connection, self.corpus, self._shard_folder())
            if outstanding(self.connection):  # otherwise no provider is opened
                self._flow(indexing, spending).embed(report, self.progress)

        with self.stages.stage("embed", corpus=self.corpus) as told:
            self._lasting(embed)
            told |= {"batches": report.batches, "loaded": report.loaded, "failed": report.failed}

    def _load_ended(self, indexing: Indexing) -> LoadReport:
        flow = self._flow(indexing)
        flow.poll()
        was_indexed = index_exists(self.connection)
        report = flow.load_finished()
        flow.clean_loaded()
        if was_indexed:  # and is no more, if the load was large
            self._index_if_worth_it(indexing)
        return report

    def _flow(self, indexing: Indexing, spending: Spending = Spending()) -> Flow:
        def loaded(report: LoadReport) -> None:
            self._fill(indexing, report)
            if report.vain_tokens and report.back_in_line:
                self._ask(
                    indexing, spending, report.vain_tokens, "they were billed for nothing, and are not sent again"
                )

        return Flow(
            connection=self.connection,
            corpus=self.corpus,
            provider=self.provider,
            indexing=indexing,
            settings=self.settings,
            folder=self._shard_folder(),
            is_local=self.is_local,
            loading=cache(self._defer_index),  # once: by all that is to come
            loaded=loaded,
            stuck=partial(self.notifier.stuck, self.corpus),
            stages=self.stages,
            spread=self._spread(indexing) if self.settings.engine == "ray" else None,
            mode=spending.mode,
        )

    def _require_batches(self) -> None:
        if not self.has_batches:
            raise UsageError(
                f"the provider {self.provider_name} has no Batch API: run with --mode sync; or `ingest sync` and "
                "`ingest export DIR`, run the files there, and `ingest load FILE…` takes the results."
            )

    def _spread(self, indexing: Indexing) -> Callable[[Sequence[Batch]], LoadReport]:
        """The loading of batches on the workers of a cluster."""
        from ingest.spreading import load_spread

        return partial(
            load_spread,
            self.cluster,
            database_url=self.database_url,
            corpus=self.corpus,
            indexing=indexing,
            account=self.account,
            settings=self.settings,
            folder=self._shard_folder(),
        )

    def _shard_folder(self) -> Path:
        row = self.connection.execute(statement("read_corpus_id")).fetchone()
        return self.settings.data_dir / "shards" / f"{self.corpus}-{row[0] if row else ''}"

    def _index_if_worth_it(self, indexing: Indexing) -> bool:
        """The corpus's index, built where that pays; a column of the user's own is indexed only when asked."""
        if target := find_target(self.connection):
            return any(index.is_valid for index in find_indexes(self.connection, target.column))
        plan = plan_index(self.settings)
        is_indexed = index_if_worth_it(self.connection, self.connect, indexing, plan, self.progress)
        if is_indexed and self.settings.full_text and not full_text_index_exists(self.connection):
            build_full_text_index(self.connection, self.settings.full_text)
        return is_indexed

    def _defer_index(self) -> None:
        defer_index(self.connection, self.settings.index_defer_above, self.progress)

    # What the reports need

    def _status(self, indexing: Indexing) -> Status:
        budget = known_budget(self.connection, self.settings, self.endpoint, indexing.model)
        terms = Terms(
            endpoint=self.endpoint,
            budget=budget,
            plan=self._shard_plan(indexing, budget),
            stuck_s=self.settings.stuck_hours * 3600,
        )
        status = read_status(self.connection, self.corpus, indexing, terms, find_target(self.connection))
        costs = read_costs(self.connection, self.corpus, indexing.model, 0)
        status.cost = costs.total if costs.runs else None
        return status

    def _shard_plan(self, indexing: Indexing, budget: Budget) -> ShardPlan:
        """The batches that would be made."""
        limit = budget.max_enqueued_tokens
        return shard_plan(indexing, self.settings, self.endpoint, limit, is_local=self.is_local)

    def _report(self, indexing: Indexing) -> RunReport:
        return RunReport(
            corpus=self.corpus,
            provider=self.provider_name,
            model=indexing.model,
            dimensions=indexing.dimensions,
            vector_type=indexing.vector_type,
        )

    def _complete(self, indexing: Indexing, report: RunReport) -> CorpusSize:
        with _timed(report.seconds, "index"), self.stages.stage("index", corpus=self.corpus) as told:
            told["indexed"] = report.indexed = self._lasting(lambda: self._index_if_worth_it(indexing))
        size = self._lasting(lambda: corpus_size(self.connection))
        report.documents, report.chunks, report.embedded = size.documents, size.chunks, size.embedded
        report.failures = self._lasting(lambda: list_failures(self.connection))
        return size

    def _begun(self, indexing: Indexing, approve: Approval | None, report: RunReport) -> Spending:
        """What waits to be sent, approved and a run of its own in the ledger; how it is sent."""
        self._lasting(lambda: self._take_in(indexing, report.load))
        tokens = self._lasting(self._unsent_tokens)
        way = plan_way(self.settings, tokens)
        spending = Spending(approve, way.mode)
        if tokens:
            if way.mode == "batch":
                self._require_batches()
            if self.settings.mode != "batch":
                price, model = self._price(indexing, way.mode), self._priced(indexing)
                batches = "" if way.mode == "batch" else f", in batches ${model.usd_per_million_batch:g}"
                self.progress.say(f"mode {way.mode}: {way.why}; ${price:g} for 1M tokens{batches}")
            report.tokens, report.mode, report.mode_why = tokens, way.mode, way.why
            report.dollars = self._ask(indexing, spending, tokens, "nothing was sent")
            self._lasting(lambda: begin_run(self.connection, self._priced(indexing)))
        return spending

    def _take_in(self, indexing: Indexing, report: LoadReport) -> None:
        """Load what a run that was stopped was answered, so that no approval is asked for it again."""
        if any(batch.mode == "sync" for batch in open_batches(self.connection)):
            flow = self._flow(indexing)
            flow.close_interrupted()
            report.add(flow.load_finished())

    def _unsent_tokens(self) -> int:
        row = self.connection.execute(statement("count_unsent_requests")).fetchone()
        return row[1] if row else 0

    def _ask(self, indexing: Indexing, spending: Spending, tokens: int, refused: str) -> float:
        """The dollars that so many tokens cost, approved."""
        dollars = tokens / 1e6 * self._price(indexing, spending.mode)
        if tokens and spending.approve and not spending.approve(tokens, dollars):
            raise BudgetError(
                f"{tokens:,} tokens for {about(dollars)} were not approved: {refused}. What was read, and what is "
                "on its way, is kept; run again with --yes, or a higher --max-cost, to go on."
            )
        return dollars

    def _price(self, indexing: Indexing, mode: Mode) -> float:
        """US dollars for a million tokens."""
        model = self._priced(indexing)
        return model.usd_per_million_sync if mode == "sync" else model.usd_per_million_batch

    def _priced(self, indexing: Indexing) -> EmbeddingModel:
        return priced_model(self.settings, indexing)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = round(time.perf_counter() - began, 3)
