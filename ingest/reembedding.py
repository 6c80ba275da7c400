"""A new model without downtime: the next version is filled beside the one in use, and then takes its place."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from psycopg import sql

from ingest.column import count_uncovered, find_target
from ingest.database.corpus import read_indexing, upgrade_corpus
from ingest.database.indexes import PASSAGES, build_alike, find_indexes, index_exists, require_indexable
from ingest.database.statements import statement
from ingest.database.tables import find_columns
from ingest.errors import UsageError
from ingest.plans import plan_index, plan_indexing
from ingest.versions import copy_indexes, mirror, next_of, old_of, swap, swap_columns, versions_beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.column import ColumnTarget
    from ingest.database.corpus import Indexing
    from ingest.database.indexes import VectorColumn
    from ingest.pipeline import Approval, Pipeline
    from ingest.report import RunReport
    from ingest.sources.tables import Table

_EDIT_ROUNDS = 3  # how often rows that are edited all the time are followed before a swap


def reembed(pipeline: Pipeline, approve: Approval | None) -> RunReport:
    """Fill the next version of the pipeline's corpus by the model of its settings, and swap; resumable like a run.

    Raises:
        UsageError: the corpus is of that model already, or an older version still stands beside it.
        BudgetError: `approve` refused; nothing was sent.
    """
    corpus = pipeline.corpus
    used = read_indexing(pipeline.connection, corpus)
    upgrade_corpus(pipeline.connection, corpus)
    target = find_target(pipeline.connection)
    wanted = plan_indexing(pipeline.settings, used, is_local=pipeline.is_local, whole=target is not None)
    if (wanted.model, wanted.dimensions, wanted.vector_type) == (used.model, used.dimensions, used.vector_type):
        raise UsageError(f"the corpus {corpus} is of {used.model} already: name another --model.")
    beside_it = versions_beside(pipeline.connection, corpus)
    if old_of(corpus) in beside_it:
        raise UsageError(f"an older version of the corpus {corpus} is still kept: `ingest reembed --finish` drops it.")
    if target and find_indexes(pipeline.connection, target.column):
        require_indexable(wanted)
    if target:
        source = _source_beside(pipeline, target, is_begun=next_of(corpus) in beside_it)
        with pipeline.beside(next_of(corpus), **asdict(wanted)) as beside:
            report = _fill_column(pipeline, beside, target, source, approve)
    else:
        chunking = {name: getattr(used, name) for name in ("chunk_tokens", "overlap", "embed_headings")}
        with pipeline.beside(next_of(corpus), **asdict(wanted) | chunking) as beside:
            report = _fill_passages(beside, corpus, used, approve)
    report.corpus = corpus
    return report


def _fill_passages(beside: Pipeline, corpus: str, used: Indexing, approve: Approval | None) -> RunReport:
    """Mirror the corpus in use, embed, index, swap; as often as it changes meanwhile."""
    from ingest.tokens import tokenizer

    beside.create()
    model = read_indexing(beside.connection, beside.corpus).embedding_model
    recount = None if model.tokenizer == used.embedding_model.tokenizer else tokenizer(model.tokenizer)
    mirror(beside.connection, corpus, recount, model.max_tokens)
    report = beside.embed(approve)
    while not report.failures:
        copy_indexes(beside.connection, corpus)
        _index_alike(beside, replace(PASSAGES, schema=corpus), PASSAGES, str)
        report.indexed = index_exists(beside.connection)
        if swap(beside.connection, corpus, recount, model.max_tokens):
            break
        row = beside.connection.execute(statement("count_waiting_requests")).fetchone()
        if row is None or not row[0]:
            raise UsageError(
                f"texts of {beside.corpus} were exported and are not back: `ingest load --corpus {beside.corpus} "
                "FILE…` takes their results."
            )
        report = report.continued_by(beside.embed(approve))
    return report


def _source_beside(pipeline: Pipeline, target: ColumnTarget, *, is_begun: bool) -> Table:
    """The rows that the corpus reads, to be filled into a second column.

    Raises:
        UsageError: that cannot be, and so nothing is begun.
    """
    if target.source is None:
        raise UsageError(
            f"which rows of {target.table.label} are filled was not noted by the version that filled them: `ingest run "
            "--table … --into …` as ever, once, then reembed."
        )
    column, older = next_of(target.vector_name), old_of(target.vector_name)
    taken = {found.name for found in find_columns(pipeline.connection, target.table)}
    if mine := taken & ({older} if is_begun else {column, older}):
        raise UsageError(f"{target.table.label} has a column {mine.pop()}, and the name is needed: rename yours.")
    for index in find_indexes(pipeline.connection, target.column):
        next_of(index.name)
    return replace(target.source, into=sql.Identifier(column).as_string(pipeline.connection))


def _fill_column(
    pipeline: Pipeline, beside: Pipeline, target: ColumnTarget, source: Table, approve: Approval | None
) -> RunReport:
    """Run the corpus of the second column like any other, index that like the first, follow the edits, swap."""
    report = beside.run(source, approve)
    column = next_of(target.vector_name)
    # What failed is looked at before an index is built for nothing.
    uncovered, key = count_uncovered(pipeline.connection, target, column) if report.failures else (0, None)
    if not uncovered:
        _index_alike(beside, target.column, replace(target.column, name=column), next_of)
        for _ in range(_EDIT_ROUNDS):
            again = beside.run(source, approve)
            report = report.continued_by(again)
            if again.tokens:
                continue
            uncovered, key = swap_columns(pipeline.connection, pipeline.corpus, target)
            if not uncovered:
                break
        else:
            uncovered, key = swap_columns(pipeline.connection, pipeline.corpus, target)
    if not uncovered:
        report.column = target.label
    else:
        why = (
            f"{uncovered:,} rows of {target.table.label} have a vector in {target.vector_name} and would have none "
            f"({target.key_name} {key} is one): nothing was swapped."
        )
        if not report.failures:
            raise UsageError(f"{why} The corpus {pipeline.corpus} does not read them: clear their vectors, or let it.")
        pipeline.progress.say(f"{why} `ingest retry --corpus {beside.corpus}`, then reembed again.")
    return report


def _index_alike(beside: Pipeline, used: VectorColumn, fresh: VectorColumn, named: Callable[[str], str]) -> None:
    """Index the next version's column as the one in use is."""
    indexing = read_indexing(beside.connection, beside.corpus)
    plan = plan_index(beside.settings)
    build_alike(beside.connection, beside.connect, indexing, plan, beside.progress, used, fresh, named)
