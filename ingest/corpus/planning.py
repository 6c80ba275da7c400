"""What the settings mean for a corpus: how it is indexed and chunked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.commands import about_corpus
from ingest.database.corpus import Indexing
from ingest.database.quantization import index_quantization
from ingest.database.vector_column import IndexPlan
from ingest.errors import UsageError
from ingest.model import OverLimit
from ingest.provider import DEFAULT_LOCAL_MODEL, EmbeddingModel, embedding_model, preset, wire_of
from ingest.settings import DEFAULT_CHUNK_TOKENS

if TYPE_CHECKING:
    from ingest.chunker import Chunking
    from ingest.corpus.column import ColumnTarget
    from ingest.settings import Mode, Settings
    from ingest.sources.files import Files
    from ingest.sources.tables import Table

_WHOLE = "whole"  # a chunk a document
BATCH_HOURS = 24  # within which a batch is done, or expires
# What a corpus is made by, and what each is called on the command line: of its column, and of its passages.
COLUMN_OPTIONS = {"model": "--model", "dimensions": "--dimensions", "vector_type": "--type"}
_PASSAGE_OPTIONS = {"chunk_tokens": "--chunk-tokens", "overlap": "--overlap", "embed_headings": "--embed-headings"}


def plan_indexing(settings: Settings, stored: Indexing | None, *, is_local: bool, whole: bool = False) -> Indexing:
    """How to index: a new corpus as the settings say, else by default; one that is there as it is.

    Only what was given outright changes one that is there, or contradicts it: what stands in a file or the environment
    is for new ones. `whole`: one chunk a document, for a column of the user's own.

    Raises:
        UsageError: the settings contradict the model, the provider or each other.
    """
    if stored:
        settings = settings.without_mere((*COLUMN_OPTIONS, *_PASSAGE_OPTIONS))
    return _plan(settings, stored, is_local=is_local, whole=whole)


def plan_reembedding(settings: Settings, stored: Indexing, *, is_local: bool, whole: bool) -> Indexing:
    """How the next version is indexed: as flags say, and else as the corpus is; without any, as the settings say.

    Raises:
        UsageError: the settings contradict the model, the provider or each other.
    """
    if settings.outright & COLUMN_OPTIONS.keys():
        settings = settings.without_mere(COLUMN_OPTIONS)
    return _plan(settings, stored, is_local=is_local, whole=whole)


def _plan(settings: Settings, stored: Indexing | None, *, is_local: bool, whole: bool) -> Indexing:
    """As the settings say, else as the corpus does, else by default. Dimensions are the corpus's where its model is."""
    model = _model(settings, stored, is_local=is_local)
    limit = stored.chunk_tokens if stored else min(DEFAULT_CHUNK_TOKENS, model.max_tokens)
    kept = stored if stored and stored.model == model.name else None
    indexing = Indexing(
        model=model.name,
        dimensions=model.check_dimensions(settings.dimensions or (kept.dimensions if kept else None)),
        vector_type=settings.vector_type or (stored.vector_type if stored else "vector"),
        chunk_tokens=settings.chunk_tokens or limit,
        overlap=settings.overlap if settings.overlap is not None else (stored.overlap if stored else 0),
        embed_headings=settings.embed_headings
        if settings.embed_headings is not None
        else (stored.embed_headings if stored else True),
        has_sides=kept.has_sides if kept else model.has_sides and wire_of(settings.provider or "openai").has_sides,
    )
    if whole:
        return replace(indexing, chunk_tokens=model.max_tokens, overlap=0, embed_headings=False)
    if stored is None or (stored.vector_type, stored.dimensions) != (indexing.vector_type, indexing.dimensions):
        index_quantization(indexing, settings.index_quantize)
    if indexing.chunk_tokens > model.max_tokens:
        raise UsageError(
            f"{model.name} takes at most {model.max_tokens:,} tokens, not {indexing.chunk_tokens:,}: lower "
            "--chunk-tokens."
        )
    if indexing.overlap > indexing.chunk_tokens // 2:
        raise UsageError(
            f"an overlap of {indexing.overlap:,} is more than half of {indexing.chunk_tokens:,} tokens: lower "
            "--overlap."
        )
    return indexing


def what_differs(settings: Settings, stored: Indexing, *, whole: bool) -> str | None:
    """What settings in a file or the environment say otherwise than the corpus is, and what would change it.

    `whole`: for a column of the user's own, whose rows are not chunked.
    """
    named = COLUMN_OPTIONS if whole else COLUMN_OPTIONS | _PASSAGE_OPTIONS
    wanted = {
        name: value
        for name in named
        if name not in settings.outright
        and (value := getattr(settings, name)) is not None
        and value != getattr(stored, name)
    }
    if not wanted:
        return None
    says = ", ".join(f"{name} {_word(value)}, not {_word(getattr(stored, name))}" for name, value in wanted.items())
    commands = []
    if column := wanted.keys() & COLUMN_OPTIONS.keys():
        # With another model its dimensions are given anew, the same or not.
        own = {name: getattr(settings, name) for name in ("dimensions",) if "model" in column}
        options = {name: value for name in COLUMN_OPTIONS if (value := wanted.get(name, own.get(name))) is not None}
        commands.append(f"`ingest reembed {_options(COLUMN_OPTIONS, options)}`")
    if passages := {name: value for name, value in wanted.items() if name in _PASSAGE_OPTIONS}:
        commands.append(f"`ingest run … {_options(_PASSAGE_OPTIONS, passages)}`")
    would = about_corpus(" and ".join(commands), settings.corpus)
    return f"the settings say {says}; the corpus stays as it is: {would} would change it"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(named: dict[str, str], values: dict[str, object]) -> str:
    words = [
        option.replace("--", "--no-") if value is False else option if value is True else f"{option} {value}"
        for name, value in values.items()
        for option in [named[name]]
    ]
    return " ".join(words)


def plan_chunking(
    settings: Settings, indexing: Indexing, source: Files | Table, target: ColumnTarget | None = None
) -> Chunking:
    """How to chunk a source. `target`: the column that is filled already, with what becomes of rows over the limit.

    Raises:
        UsageError: the source's own limit of tokens cannot be.
    """
    from ingest.chunker import Chunking  # numpy, and the tokenizers
    from ingest.sources.tables import Table  # what reads rows

    over_limit, mark = None, ""
    if isinstance(source, Table) and source.into:
        over_limit = source.over_limit or (target.over_limit if target else OverLimit.REFUSE)
        mark = target.mark if target else _WHOLE
    most = source.chunk_tokens or indexing.chunk_tokens
    if (
        most > indexing.embedding_model.max_tokens
        or indexing.overlap > most // 2
        or (over_limit and source.chunk_tokens)
    ):
        raise UsageError(
            f"the chunk_tokens of a source cannot be {most:,}: {indexing.model} takes at most "
            f"{indexing.embedding_model.max_tokens:,}, twice the overlap is {2 * indexing.overlap:,}, and rows whose "
            "own column is filled are not chunked."
        )
    return Chunking(
        tokenizer_name=indexing.embedding_model.tokenizer,
        max_tokens=most,
        overlap=indexing.overlap,
        embed_headings=indexing.embed_headings,
        max_document_bytes=settings.max_document_bytes,
        over_limit=over_limit,
        mark=mark,
        keywords=settings.keywords and over_limit is None,
        language=settings.language,
    )


def priced_model(settings: Settings, indexing: Indexing) -> EmbeddingModel:
    """The model of a corpus, at the prices of the settings where they have any for it."""
    model, prices = indexing.embedding_model, settings.prices.get(indexing.model, {})
    return replace(
        model,
        usd_per_million_batch=prices.get("batch", model.usd_per_million_batch),
        usd_per_million_sync=prices.get("sync", model.usd_per_million_sync),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """How texts are sent, and why so."""

    mode: Mode
    why: str


def plan_way(settings: Settings, tokens: int, before: Mode | None = None) -> Way:
    """How so many tokens are sent: as the settings say. A deadline is one by itself; so is a small number of tokens.

    `before`: how the run that goes on sent last. What is left of its batches is no small number by itself.
    """
    if settings.mode != "auto":
        return Way(settings.mode, "by the setting mode")
    if settings.deadline_hours is not None and settings.deadline_hours < BATCH_HOURS:
        return Way("sync", f"deadline_hours is {settings.deadline_hours:g}, and a batch may take {BATCH_HOURS}")
    if before == "batch":
        return Way("batch", "as the run that goes on")
    if tokens <= settings.sync_below_tokens:
        return Way("sync", f"{tokens:,} tokens are no more than sync_below_tokens, {settings.sync_below_tokens:,}")
    return Way("batch", f"{tokens:,} tokens are more than sync_below_tokens, {settings.sync_below_tokens:,}")


def plan_index(settings: Settings) -> IndexPlan:
    """Which vector index is built."""
    return IndexPlan(
        method=settings.index_method,
        distance=settings.distance,
        quantization=settings.index_quantize,
        m=settings.hnsw_m,
        ef_construction=settings.hnsw_ef_construction,
        lists=settings.ivfflat_lists,
        memory_mb=settings.index_memory_mb,
        workers=settings.index_workers,
        ef_search=settings.hnsw_ef_search,
        probes=settings.ivfflat_probes,
        by=settings.index_by,
    )


def _model(settings: Settings, stored: Indexing | None, *, is_local: bool) -> EmbeddingModel:
    default = DEFAULT_LOCAL_MODEL if is_local else preset(settings.provider or "openai").model
    name = settings.model or (stored.model if stored else default)
    kept = stored if stored and stored.model == name else None
    model = embedding_model(
        name,
        settings.dimensions or (kept.dimensions if kept else None),
        settings.chunk_tokens or (stored.chunk_tokens if stored else None),
    )
    if is_local and not model.local:
        other = "name another provider" if settings.provider else "there is no API key: set OPENAI_API_KEY"
        raise UsageError(
            f"{name} is not a model of this machine: {other}, or another --corpus for the local {DEFAULT_LOCAL_MODEL}."
        )
    provider = settings.provider or "openai"
    # Who is compatible with OpenAI may have any model.
    is_another = preset(provider).calls == "openai" and settings.base_url is not None
    if not is_local and not is_another and model.vendor not in (None, *preset(provider).vendors):
        whose = f", the model of the corpus {settings.corpus}" if stored and not settings.model else ""
        raise UsageError(
            f"{provider} has no model {model.name}{whose}: take --provider {model.vendor}, or name another --corpus."
        )
    return model
