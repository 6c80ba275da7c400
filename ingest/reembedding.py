"""A new model without downtime: the next version is filled beside the one in use, and then takes its place."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ingest.catalog import embedding_model
from ingest.column import find_target
from ingest.database.corpus import read_indexing
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.plans import plan_indexing
from ingest.versions import mirror, next_of, old_of, swap, versions_beside

if TYPE_CHECKING:
    from ingest.database.corpus import Indexing
    from ingest.pipeline import Approval, Pipeline
    from ingest.report import RunReport


def reembed(pipeline: Pipeline, approve: Approval | None) -> RunReport:
    """Fill the next version of the pipeline's corpus by the model of its settings, and swap; resumable like a run.

    Raises:
        UsageError: the corpus is of that model already, or an older version still stands beside it.
        BudgetError: `approve` refused; nothing was sent.
    """
    corpus = pipeline.corpus
    used = read_indexing(pipeline.connection, corpus)
    if find_target(pipeline.connection):
        raise UsageError("a column is re-embedded beside the old one: `ingest run --into` another column.")
    wanted = plan_indexing(pipeline.settings, used, is_local=pipeline.is_local)
    if (wanted.model, wanted.dimensions, wanted.vector_type) == (used.model, used.dimensions, used.vector_type):
        raise UsageError(f"the corpus {corpus} is of {used.model} already: name another --model.")
    if old_of(corpus) in versions_beside(pipeline.connection, corpus):
        raise UsageError(f"an older version of the corpus {corpus} is still kept: `ingest reembed --finish` drops it.")
    chunking = {name: getattr(used, name) for name in ("chunk_tokens", "overlap", "embed_headings")}
    with pipeline.beside(next_of(corpus), **asdict(wanted) | chunking) as beside:
        report = _fill_passages(beside, corpus, used, approve)
    report.corpus = corpus
    return report


def _fill_passages(beside: Pipeline, corpus: str, used: Indexing, approve: Approval | None) -> RunReport:
    """Mirror the corpus in use, embed, index, swap; as often as it changes meanwhile."""
    from ingest.tokens import tokenizer

    beside.create()
    model = embedding_model(read_indexing(beside.connection, beside.corpus).model)
    recount = None if model.tokenizer == embedding_model(used.model).tokenizer else tokenizer(model.tokenizer)
    mirror(beside.connection, corpus, recount, model.max_tokens)
    report = beside.embed(approve)
    while not report.failures and not swap(beside.connection, corpus, recount, model.max_tokens):
        row = beside.connection.execute(statement("count_waiting_requests")).fetchone()
        if row is None or not row[0]:
            raise UsageError(
                f"texts of {beside.corpus} were exported and are not back: `ingest load --corpus {beside.corpus} "
                "FILE…` takes their results."
            )
        report = report.continued_by(beside.embed(approve))
    return report
