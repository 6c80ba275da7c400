"""The corpus of a run: opened, created, brought up to date, bound to the user's own column where it fills one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors

from ingest.corpus import find_target, open_target, plan_indexing, require_target, what_differs
from ingest.database.corpus import Indexing, create_corpus, find_bound_indexing, read_indexing, require_same_column
from ingest.errors import UsageError
from ingest.provider import MODELS
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from ingest.chunker import Chunking
    from ingest.corpus import ColumnTarget
    from ingest.runs.resources import Resources
    from ingest.sources.files import Files


def require_text(text: str) -> None:
    """See that there is something to search for.

    Raises:
        UsageError: there is no text, or what is none.
    """
    if not text.strip():
        raise UsageError("there is nothing to search for: give some words.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the question holds bytes that are no text: give it as UTF-8.") from None


def require_short(text: str, model: str) -> None:
    """See that a question is no longer than its model takes, where that is known.

    Raises:
        UsageError: it is longer.
    """
    known = MODELS.get(model)
    if known is None or len(text.encode()) <= known.max_tokens:  # a token has a byte or more
        return
    from ingest.chunker import tokenizer  # numpy, and the tokenizers

    count = tokenizer(known.tokenizer).count(text)
    if count > known.max_tokens:
        raise UsageError(
            f"the question has {count:,} tokens, and {model} takes {known.max_tokens:,} at most: ask in fewer words, "
            "or by words alone (--words)."
        )


def searchable(resources: Resources) -> Indexing:
    """The corpus, where its passages can be searched.

    Raises:
        UsageError: there is none, or it fills a column of the user's own.
    """
    indexing = open_corpus(resources)
    if target := find_target(resources.connection):
        raise UsageError(f"this corpus fills {target.label}: search that table by SQL.")
    return indexing


def open_corpus(resources: Resources, *, create: bool = False, whole: bool = False) -> Indexing:
    """The corpus, created or brought up to date where that is asked for; `whole`: for a chunk a document."""

    def opened() -> Indexing:
        if not create:
            stored = stored_indexing(resources)
            require_same_column(
                resources.corpus, stored, plan_indexing(resources.settings, stored, is_local=resources.is_local)
            )
            return stored
        indexing = planned(resources, find_bound_indexing(resources.connection), whole=whole)
        create_corpus(resources.connection, resources.corpus, indexing)
        resources.hold()
        require_same_column(resources.corpus, read_indexing(resources.connection, resources.corpus), indexing)
        return indexing

    return resources.lasting(opened)


def planned(resources: Resources, stored: Indexing | None, *, whole: bool) -> Indexing:
    """How a run indexes; of a corpus that is there it is told what the settings say otherwise."""
    indexing = plan_indexing(resources.settings, stored, is_local=resources.is_local, whole=whole)
    if stored:
        require_same_column(resources.corpus, stored, indexing)
        if differs := what_differs(resources.settings, stored, whole=whole):
            resources.progress.say(differs)
    return indexing


def stored_indexing(resources: Resources) -> Indexing:
    """The corpus as it is, its schema brought up to date: all that is needed where no provider is."""
    resources.release()
    try:
        resources.hold()
    except (errors.UndefinedTable, errors.UndefinedColumn):  # there is none, or it is an older one
        read_indexing(resources.connection, resources.corpus)
        resources.hold()
    return read_indexing(resources.connection, resources.corpus)


def bind(resources: Resources, source: Files | Table, indexing: Indexing, chunking: Chunking) -> ColumnTarget | None:
    """A corpus fills one column, or it is one of passages."""
    if isinstance(source, Table) and source.into:
        before = find_target(resources.connection)
        target = open_target(
            resources.connection, resources.connect_plainly, indexing, chunking, source, full=resources.settings.full
        )
        if before and before.noted:
            resources.progress.say(f"the table {before.noted} is {target.table.label} now: the corpus goes on with it")
        return target
    require_bound(resources, source, indexing, chunking)
    return None


def require_bound(resources: Resources, source: Files | Table, indexing: Indexing, chunking: Chunking) -> None:
    """See that a run may go into this corpus, which is there."""
    if isinstance(source, Table) and source.into:
        require_target(
            resources.connection, resources.connect_plainly, indexing, chunking, source, full=resources.settings.full
        )
    elif target := find_target(resources.connection):
        raise UsageError(f"the corpus {resources.corpus} fills {target.label}: name another --corpus for these.")
