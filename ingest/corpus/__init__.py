"""Documents and chunks in the database: read, chunked, compared, kept in versions, searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.corpus.answers import Answers, Located, locate
    from ingest.corpus.column import (
        ColumnTarget,
        count_uncovered,
        find_target,
        open_target,
        require_target,
        share,
        standing,
    )
    from ingest.corpus.column_fill import fill, reconcile_rows
    from ingest.corpus.dropping import drop_corpus, droppable_version
    from ingest.corpus.dry_run import rehearse
    from ingest.corpus.estimate import Estimate, estimate_sync
    from ingest.corpus.filters import Filter, asked_filters, read_filters, settle_filters
    from ingest.corpus.gathering import Context, Rank, Wanted, gather
    from ingest.corpus.given import Given, fills_column, given_sources
    from ingest.corpus.integrity import check_integrity
    from ingest.corpus.kept import KeptDocuments
    from ingest.corpus.keywords import Keywords, read_keywords, settle_keywords
    from ingest.corpus.parquet import write_parquet
    from ingest.corpus.planning import (
        Way,
        plan_chunking,
        plan_index,
        plan_indexing,
        plan_reembedding,
        plan_way,
        priced_model,
        what_differs,
    )
    from ingest.corpus.reading import Look, look_away
    from ingest.corpus.search import (
        Found,
        Passage,
        Search,
        SearchMode,
        as_reader,
        by_its_index,
        find_in_version,
        find_passages,
        prepare_searches,
        search_sql,
    )
    from ingest.corpus.surroundings import Excerpt, Piece, read_around, read_excerpt
    from ingest.corpus.sync import sync_documents
    from ingest.corpus.sync_report import SyncReport
    from ingest.corpus.texts import find_asked_documents, findable, read_texts, sample_passages
    from ingest.corpus.version_schemas import (
        MAX_NAME_BYTES,
        Trial,
        begin_next,
        begin_trial,
        keep_trial,
        next_of,
        old_of,
        stray_versions,
        version_beside,
        versions_of,
    )
    from ingest.corpus.versions import copy_indexes, finish, mirror, roll_back, swap, swap_columns
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "MAX_NAME_BYTES",
    "Answers",
    "ColumnTarget",
    "Context",
    "Estimate",
    "Excerpt",
    "Filter",
    "Found",
    "Given",
    "KeptDocuments",
    "Keywords",
    "Located",
    "Look",
    "Passage",
    "Piece",
    "Rank",
    "Search",
    "SearchMode",
    "SyncReport",
    "Trial",
    "Wanted",
    "Way",
    "as_reader",
    "asked_filters",
    "begin_next",
    "begin_trial",
    "by_its_index",
    "check_integrity",
    "copy_indexes",
    "count_uncovered",
    "drop_corpus",
    "droppable_version",
    "estimate_sync",
    "fill",
    "fills_column",
    "find_asked_documents",
    "find_in_version",
    "find_passages",
    "find_target",
    "findable",
    "finish",
    "gather",
    "given_sources",
    "keep_trial",
    "locate",
    "look_away",
    "mirror",
    "next_of",
    "old_of",
    "open_target",
    "plan_chunking",
    "plan_index",
    "plan_indexing",
    "plan_reembedding",
    "plan_way",
    "prepare_searches",
    "priced_model",
    "read_around",
    "read_excerpt",
    "read_filters",
    "read_keywords",
    "read_texts",
    "reconcile_rows",
    "rehearse",
    "require_target",
    "roll_back",
    "sample_passages",
    "search_sql",
    "settle_filters",
    "settle_keywords",
    "share",
    "standing",
    "stray_versions",
    "swap",
    "swap_columns",
    "sync_documents",
    "version_beside",
    "versions_of",
    "what_differs",
    "write_parquet",
]
