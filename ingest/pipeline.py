"""A corpus and the provider that embeds it: the verbs, from sources to vectors in a searchable column."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingest import runs
from ingest.runs import Resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.batches import Batch, Costs, LoadReport, Shard
    from ingest.corpus import Context, Estimate, Given, Passage, SearchMode, SyncReport
    from ingest.database.index_check import IndexCheck
    from ingest.evaluation import Evaluation
    from ingest.reporting import Poll, Round, RunReport, Status
    from ingest.runs import Approval, KeptCorpus

_WATCH_PAUSE_S = 2.0  # a look reads the database alone


class Pipeline(Resources):
    """A corpus and the provider that embeds it. Use as a context manager: servers it starts stop with it."""

    def run(self, source: Given, approve: Approval | None = None) -> RunReport:
        """Everything: sync, submit, wait, load, index. Run it again after any stop: it goes on where it stopped.

        `approve` is asked with the tokens and dollars that are about to be spent, and may refuse.

        Raises:
            BudgetError: `approve` refused; what was read is kept, nothing was sent.
        """
        return runs.run(self, source, approve)

    def advance(
        self, source: Given | None = None, approve: Approval | None = None, *, max_dollars: float | None = None
    ) -> Round:
        """One round of a run: sync, load what ended, submit what fits, and index when nothing is left.

        It never waits for the provider. Do it again after `look_again_s` seconds, until it is done; or at once, after
        any stop, or from several places at once: nothing is sent twice.

        `source`: None reads nothing. `max_dollars`: the most that the run may cost, of all its rounds; None: as the
        settings say.

        Raises:
            BudgetError: it would cost more, or `approve` refused; what was read, and what is in flight, is kept.
        """
        return runs.advance(self, source, approve, max_dollars)

    def poll(self) -> Poll:
        """Which batches in flight have ended, by asking after them alone: nothing is written, sent or loaded."""
        return runs.poll(self)

    def create(self) -> None:
        """Create the corpus, or bring it up to date; nothing is read."""
        runs.create(self)

    def embed(self, approve: Approval | None = None) -> RunReport:
        """A run of what waits already: submit, wait, load, index; nothing is read.

        Raises:
            BudgetError: `approve` refused; nothing was sent.
        """
        return runs.embed(self, approve)

    def sync(self, source: Given) -> SyncReport:
        """Read, chunk and diff into the database; nothing is sent."""
        return runs.sync(self, source)

    def estimate(self, source: Given, look: Callable[[str, str], None] | None = None) -> Estimate:
        """What `run` would find, send and cost; nothing is written.

        `look` is told the name of each thing that the source has, and what becomes of it: new, changed, unchanged, or
        why it is not read.
        """
        return runs.estimate(self, source, look)

    def submit(self, approve: Approval | None = None) -> list[Batch]:
        """Write what waits into shards, and submit what fits; does not wait. The batches in flight.

        Raises:
            BudgetError: `approve` refused; nothing was sent.
        """
        return runs.submit(self, approve)

    def load(self, files: Sequence[Path] = ()) -> LoadReport:
        """Load finished batches; or, with files, result files that were fetched by hand."""
        return runs.load(self, files)

    def cancel(self, *, wait: bool = True) -> LoadReport:
        """Cancel what is in flight, and stop the runs that send it; what is done is loaded, the rest waits.

        `wait`: until the provider has cancelled it all. Else that is asked for, and a later round loads what is done.
        """
        return runs.cancel(self, wait=wait)

    def clean(self) -> int:
        """Delete the files of loaded batches at the provider, and what lost answers left there; how many files.

        What a killed process left on this machine goes, too.
        """
        return runs.clean(self)

    def retry_stuck(self) -> list[Batch]:
        """Cancel the batches that make no progress: what they made is loaded by the next run, the rest sent again."""
        return runs.retry_stuck(self)

    def export(self, folder: Path) -> list[Shard]:
        """Write what waits as request files into a folder; `load` takes the results back."""
        return runs.export(self, folder)

    def parquet(self, path: Path) -> int:
        """Write the passages that have their vectors as a Parquet file; how many.

        Raises:
            UsageError: the vectors stand in a table of the user's own.
        """
        return runs.parquet(self, path)

    def retry(self, *, exported: bool = False) -> int:
        """Let requests that failed for good be sent again; with `exported`, those that were exported. How many.

        Those that were answered, and whose result file was late, are asked for first: that is free.
        """
        return runs.retry(self, exported=exported)

    def index(self) -> bool:
        """Build the vector index, or build it anew; False where an index of the user's own on his table serves."""
        return runs.index(self)

    def check_index(self) -> IndexCheck:
        """What searches by the index find of the nearest vectors, on a sample of its own.

        Raises:
            UsageError: there is no index.
        """
        return runs.check_index(self)

    def reembed(self, approve: Approval | None = None) -> RunReport:
        """Embed the corpus by another model beside the one in use, then swap; resumable like a run.

        The model, dimensions and type are those of the settings. The old version is kept until `finish`.

        Raises:
            UsageError: the corpus is of that model already, or an older version still stands beside it.
            BudgetError: `approve` refused; nothing was sent.
        """
        return runs.reembed(self, approve)

    def roll_back(self) -> None:
        """Put the version that was in use before `reembed` back."""
        runs.roll_back_corpus(self)

    def finish(self, *, discard: bool = False) -> str:
        """Drop the old version; with `discard`, the new one that is not in use. The schema that went."""
        return runs.finish_corpus(self, discard=discard)

    def search(
        self,
        text: str,
        limit: int = 5,
        *,
        mode: SearchMode | None = None,
        filters: Sequence[str] = (),
        context: Context = 0,
        per_document: int | None = None,
    ) -> list[Passage]:
        """The passages that fit a text: by its vector, its words, or both; None: both, where they have terms.

        By words alone no model is asked. Neighbours come as one passage, and the same text comes once.
        `filters`: what they must have in the columns that the setting `filters` names, as `published>=2024-01-31`;
        `context`: with so many passages before and after each, 50 at most, or with its `section`, up to 20 passages
        before and after; `per_document`: of one document no more than so many.

        Raises:
            UsageError: there is no text, or one of these cannot be.
        """
        return runs.search(self, text, limit, mode=mode, filters=filters, context=context, per_document=per_document)

    def search_sql(
        self, text: str, limit: int = 5, *, mode: SearchMode | None = None, filters: Sequence[str] = ()
    ) -> str:
        """The SQL of a search, to be run by psql or from a program: passage by passage, as they are found."""
        return runs.search_statement(self, text, limit, mode=mode, filters=filters)

    def evaluate(
        self,
        questions: Path,
        page: Path | None = None,
        *,
        compared: Sequence[str] = (),
        approve: Approval | None = None,
        keep: bool = False,
        per_document: int | None = None,
    ) -> Evaluation:
        """How well searches answer the questions of a file of JSONL, by vectors, by words and by both.

        What they bring is held against the answers: each text once, neighbours as one, of one document no more than
        `per_document` passages; and where a reranker is set, in its order, too.
        `page`: where it is written as a page of HTML, too. `compared`: other settings, as `chunk_tokens=256,1024`, each
        value a version beside the corpus, which shares its texts and vectors and goes in the end, unless `keep`.

        Raises:
            UsageError: a line of the file is no question, or none is answered by the corpus; a setting cannot be
                compared; or something else than a report is where the page is to be.
            BudgetError: `approve` refused; nothing was sent.
        """
        return runs.evaluate(
            self, questions, page, compared=compared, approve=approve, keep=keep, per_document=per_document
        )

    def draft_questions(self, path: Path, most: int = 100) -> int:
        """Write questions for `evaluate`, drafted from headings, into a new file; how many.

        Raises:
            UsageError: the file is there, or no heading asks anything.
        """
        return runs.draft(self, path, most)

    def status(self) -> Status:
        """What runs, what waits and why, what it has cost, when it will be done, what failed."""
        return runs.status(self)

    def statuses(self) -> Iterator[Status]:
        """The status again and again, until nothing is in flight or waits. It looks on; another process works."""
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
        runs.report(self, path)

    def costs(self, documents: int = 0) -> Costs:
        """What the corpus has cost by the ledger, run by run; and its so many dearest documents."""
        return runs.costs(self, documents)

    def corpora(self, one: str | None = None) -> list[KeptCorpus]:
        """The corpora of the database with their sources, whatever the corpus of the settings; or that one alone."""
        return runs.list_corpora(self, one=one)

    def remove(self, what: str, confirm: Callable[[int, int], bool] | None = None) -> int:
        """Take a source out of the corpus, by its name or path, or documents, by their URI or path; how many.

        What ends with a slash means all below it. `confirm` is asked with the documents and tokens, and may refuse.

        Raises:
            UsageError: there is no such source or document, or the corpus fills a column of the user's own.
        """
        return runs.remove(self, what, confirm)

    def drop(self, confirm: Callable[[str], bool] | None = None) -> bool:
        """Drop the corpus: its files at the provider and on this machine, its tables, and its schema if that is empty.

        `confirm` is asked with what goes, and may refuse. Batches in flight are cancelled first.

        Raises:
            UsageError: something of somebody else's reads from it, a version of it is in the making, or a batch is not
                cancelled yet.
        """
        return runs.drop(self, confirm)

    def serve_webhooks(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Take the provider's webhooks until SIGINT or SIGTERM, for the runs of all corpora of the database.

        `ready` is told the address. Nothing is lost where this does not run: runs look by themselves, too.

        Raises:
            UsageError: there is no secret, or the address cannot be used.
        """
        runs.serve_webhooks(self, host, port, ready)
