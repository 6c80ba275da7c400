"""A new model without downtime: the next version is filled beside the one in use, and then takes its place."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from psycopg import sql

from ingest.corpus import (
    begin_next,
    copy_indexes,
    count_uncovered,
    find_target,
    mirror,
    next_of,
    old_of,
    plan_index,
    plan_reembedding,
    swap,
    swap_columns,
    version_beside,
)
from ingest.database.corpus import read_indexing
from ingest.database.index_check import measure_index
from ingest.database.indexes import build_alike, find_indexes, index_exists
from ingest.database.locks import corpus_lock
from ingest.database.quantization import index_quantization
from ingest.database.statements import statement
from ingest.database.tables import find_columns
from ingest.database.vector_column import PASSAGES
from ingest.errors import UsageError
from ingest.runs.observers import watched
from ingest.runs.opening import stored_indexing
from ingest.runs.sending import noting
from ingest.runs.stages import create, embed, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.corpus import ColumnTarget
    from ingest.database.corpus import Indexing
    from ingest.database.vector_column import VectorColumn
    from ingest.reporting import RunReport
    from ingest.runs.resources import Resources
    from ingest.runs.spending import Approval
    from ingest.sources.tables import Table

_EDIT_ROUNDS = 3  # how often rows that are edited all the time are followed before a swap


def reembed(resources: Resources, approve: Approval | None = None) -> RunReport:
    """`Pipeline.reembed`."""
    return watched(resources, "reembed", partial(_explained, resources, approve), next_of(resources.corpus))


def _explained(resources: Resources, approve: Approval | None) -> RunReport:
    with resources.explained(), noting(resources):
        return _reembed(resources, approve)


def _reembed(resources: Resources, approve: Approval | None) -> RunReport:
    corpus = resources.corpus
    used = stored_indexing(resources)
    target = find_target(resources.connection)
    wanted = plan_reembedding(resources.settings, used, is_local=resources.is_local, whole=target is not None)
    if (wanted.model, wanted.dimensions, wanted.vector_type) == (used.model, used.dimensions, used.vector_type):
        made = f"{used.vector_type}({used.dimensions}) of {used.model}"
        raise UsageError(f"the corpus {corpus} holds {made} already: name another --model, --dimensions or --type.")
    if version_beside(resources.connection, corpus, old_of(corpus)):
        raise UsageError(
            f"an older version of the corpus {corpus} is still kept, and only one can be: `ingest reembed --rollback` "
            "puts it back in use, `ingest reembed --finish` drops it for good."
        )
    if target and find_indexes(resources.connection, target.column):
        index_quantization(wanted, resources.settings.index_quantize)
    if target:
        is_begun = version_beside(resources.connection, corpus, next_of(corpus))
        source = _source_beside(resources, target, is_begun=is_begun)
        fresh = replace(target, vector_name=next_of(target.vector_name), source=source)
        with resources.beside(next_of(corpus), **asdict(wanted)) as beside:
            begin_next(beside.connection, corpus, wanted, fresh)
            report = _fill_column(resources, beside, target, source, approve)
    else:
        wanted = replace(
            wanted, chunk_tokens=used.chunk_tokens, overlap=used.overlap, embed_headings=used.embed_headings
        )
        with resources.beside(next_of(corpus), **asdict(wanted)) as beside:
            begin_next(beside.connection, corpus, wanted, None)
            report = _fill_passages(beside, corpus, used, approve)
    report.beside, report.corpus = report.corpus if report.failures else None, corpus
    return report


def _fill_passages(beside: Resources, corpus: str, used: Indexing, approve: Approval | None) -> RunReport:
    """Mirror the corpus in use, embed, index, swap; as often as it changes meanwhile."""
    from ingest.chunker import tokenizer

    create(beside)
    model = read_indexing(beside.connection, beside.corpus).embedding_model
    recount = None if model.tokenizer == used.embedding_model.tokenizer else tokenizer(model.tokenizer)
    mirror(beside.connection, corpus, beside.corpus, recount, model.max_tokens)
    report = embed(beside, approve)
    while not report.failures:
        copy_indexes(beside.connection, corpus)
        _index_alike(beside, corpus, replace(PASSAGES, schema=corpus), PASSAGES, str)
        report.indexed = index_exists(beside.connection)
        if swap(beside.connection, corpus, recount, model.max_tokens, beside.progress.say):
            break
        row = beside.connection.execute(statement("count_waiting_requests")).fetchone()
        if row is None or not row[0]:
            raise UsageError(
                f"texts of {beside.corpus} were exported and are not back: `ingest load --corpus {beside.corpus} "
                "FILE…` takes their results."
            )
        report = report.continued_by(embed(beside, approve))
    return report


def _source_beside(resources: Resources, target: ColumnTarget, *, is_begun: bool) -> Table:
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
    taken = {found.name for found in find_columns(resources.connection, target.table)}
    if mine := taken & ({older} if is_begun else {column, older}):
        raise UsageError(f"{target.table.label} has a column {mine.pop()}, and the name is needed: rename yours.")
    for index in find_indexes(resources.connection, target.column):
        needed = {old_of(index.name)} if is_begun else {next_of(index.name), old_of(index.name)}
        for name in needed:
            identifier = target.column.index_identifier(name).as_string(resources.connection)
            if resources.connection.execute("SELECT to_regclass(%s)", (identifier,)).fetchone() != (None,):
                raise UsageError(f"there is something of yours named {identifier}, and the name is needed: rename it.")
    return replace(target.source, into=sql.Identifier(column).as_string(resources.connection))


def _fill_column(
    resources: Resources, beside: Resources, target: ColumnTarget, source: Table, approve: Approval | None
) -> RunReport:
    """Run the corpus of the second column like any other, index that like the first, follow the edits, swap."""
    report = run(beside, source, approve)
    column = next_of(target.vector_name)
    # What failed is looked at before an index is built for nothing.
    uncovered, key = count_uncovered(resources.connection, target, column) if report.failures else (0, None)
    if not uncovered:
        _index_alike(beside, resources.corpus, target.column, replace(target.column, name=column), next_of)
        for _ in range(_EDIT_ROUNDS):
            again = run(beside, source, approve)
            report = report.continued_by(again)
            if again.tokens:
                continue
            uncovered, key = swap_columns(resources.connection, resources.corpus, target, resources.progress.say)
            if not uncovered:
                break
        else:
            uncovered, key = swap_columns(resources.connection, resources.corpus, target, resources.progress.say)
    if not uncovered:
        report.column = target.label
    else:
        why = (
            f"{uncovered:,} rows of {target.table.label} have a vector in {target.vector_name} and would have none "
            f"({target.key_label} {key} is one): nothing was swapped."
        )
        if not report.failures:
            raise UsageError(
                f"{why} The corpus {resources.corpus} does not read them: have `ingest run` read them, too (--where), "
                "which pays for them, or clear their vectors."
            )
        resources.progress.say(why)
    return report


def _index_alike(
    beside: Resources, corpus: str, used: VectorColumn, fresh: VectorColumn, named: Callable[[str], str]
) -> None:
    """Index the next version's column as the one in use is."""

    def build() -> None:
        connection = beside.connection
        indexing, plan = read_indexing(connection, beside.corpus), plan_index(beside.settings)
        connection.execute(statement("copy_made_indexes").format(used=sql.Identifier(corpus)))
        with corpus_lock(connection, beside.corpus, "index"):  # what another built while we waited is there then
            build_alike(connection, beside.connect_at_once, indexing, plan, beside.progress, used, fresh, named)
        if fresh == PASSAGES:
            measure_index(connection, indexing, plan, beside.progress)

    beside.lasting(build)
