"""A corpus by other settings, each a version beside it that shares its texts and vectors, asked the same questions."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql
from pydantic import ValidationError

from ingest.corpus import (
    MAX_NAME_BYTES,
    KeptDocuments,
    begin_trial,
    keep_trial,
    locate,
    mirror,
    plan_chunking,
    plan_indexing,
    plan_way,
    read_filters,
    read_keywords,
    settle_filters,
    settle_keywords,
    sync_documents,
)
from ingest.database.corpus import corpus_size
from ingest.database.locks import try_corpus_lock
from ingest.database.statements import in_vector, statement
from ingest.errors import BudgetError, IngestError, UsageError
from ingest.evaluation import BY_TOKENS, Setting, difference
from ingest.formatting import about, counted
from ingest.runs.asking import Asking, Found, ask_all, question_vectors
from ingest.runs.keeping import drop
from ingest.runs.spending import price_of, token_ratio, unsent_tokens
from ingest.runs.stages import embed
from ingest.settings_file import nearest
from ingest.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from ingest.corpus import Answers, Trial
    from ingest.database.corpus import Indexing
    from ingest.evaluation import Evaluation, Question
    from ingest.runs.resources import Resources
    from ingest.runs.spending import Approval
    from ingest.settings import Settings

_OF_SEARCHES = ("words_weight", "hnsw_ef_search")
_OF_VERSIONS = ("chunk_tokens", "overlap", "embed_headings", "model", "dimensions", "vector_type")
_MOST = 7  # settings at once: as many as a plot tells apart


class Compared(NamedTuple):
    """A setting with another value."""

    name: str
    value: Any
    words: str

    @property
    def label(self) -> str:
        """As it was given: `chunk_tokens=256`."""
        return f"{self.name}={self.words}"

    def version_of(self, corpus: str) -> str:
        """The name of the version that is made for it; of a long one the beginning, and a hash of all."""
        name = f"{corpus}__{self.name}_" + re.sub(r"[^a-z0-9]", "_", self.words.lower())
        if len(name) <= MAX_NAME_BYTES:
            return name
        return f"{name[: MAX_NAME_BYTES - 9]}_{sha256(name.encode()).hexdigest()[:8]}"


class Base(NamedTuple):
    """The corpus as it is, asked: with what answers the questions, their vectors, and what its usual way found."""

    path: Path
    questions: dict[int, Question]
    indexing: Indexing
    usual: Asking
    answers: Answers
    vectors: list[np.ndarray]
    found: Found


class _Version(NamedTuple):
    """A version beside: `tokens`, `dollars`: what embedding what it lacks takes."""

    compared: Compared
    indexing: Indexing
    resources: Resources
    trial: Trial
    tokens: int
    dollars: float


def compared_settings(settings: Settings, asked: Sequence[str]) -> list[Compared]:
    """What is to be compared, as `chunk_tokens=256,1024`.

    Raises:
        UsageError: there is no such setting, or a value of it cannot be.
    """
    known = (*_OF_VERSIONS, *_OF_SEARCHES)
    found: dict[tuple[str, Any], Compared] = {}
    for each in asked:
        name, _, values = (part.strip() for part in each.partition("="))
        words = [value.strip() for value in values.split(",") if value.strip()]
        if name not in known:
            raise UsageError(f"--compare {each}: {name or 'nothing'} cannot be compared{nearest(name, known)}")
        if not words:
            raise UsageError(f"--compare {each}: give values, as --compare chunk_tokens=256,1024.")
        for word in words:
            value = _value(settings, name, word)
            found.setdefault((name, value), Compared(name, value, word))
    if len(found) > _MOST:
        raise UsageError(f"{len(found):,} settings are too many to be told apart: compare {_MOST} at most.")
    return list(found.values())


def compare(
    resources: Resources,
    base: Base,
    wanted: Sequence[Compared],
    into: Evaluation,
    approve: Approval | None,
    *,
    keep: bool,
) -> None:
    """Ask the questions by each setting, and tell what it found. `approve`: of what all of them cost together.

    What was stopped is resumed: versions stay until they were asked; then they go, unless `keep`, or one was kept once.

    Raises:
        BudgetError: `approve` refused; nothing was sent, and the versions that were made are dropped.
    """
    with resources.explained(), ExitStack() as stack:
        plans = {each: _planned(resources, base, each) for each in wanted}
        versions: dict[Compared, _Version] = {}
        stay = stack.enter_context(_told_what_stays(resources))
        for each, indexing in plans.items():
            if indexing and indexing != base.indexing:
                versions[each] = _made(resources, base, each, indexing, stack, stay)
        try:
            _approved(resources, list(versions.values()), approve)
        except BudgetError:
            for version in versions.values():
                if version.trial == "new":
                    _dropped(version, stay)
            raise
        found = [(each, _asked(resources, base, each, versions.get(each))) for each in wanted]
        for each, asked in found:
            into.settings.append(_setting(resources, asked, versions.get(each), keep=keep))
            into.compared.append(
                difference(each.label, "the corpus as it is", BY_TOKENS, asked.rows, base.found.rows, len(found))
            )
        for version in versions.values():
            if keep:
                keep_trial(version.resources.connection, resources.corpus, version.resources.corpus)
            elif version.trial != "kept":
                _dropped(version, stay)


@contextmanager
def _told_what_stays(resources: Resources) -> Iterator[list[str]]:
    """The names of the versions that there are: where it is broken off, it is told which stay."""
    stay: list[str] = []
    try:
        yield stay
    except BaseException:
        if stay:
            names = ", ".join(stay)
            resources.progress.say(f"beside the corpus stay {names}: the same command goes on with them; or drop them")
        raise


@contextmanager
def _alone(beside: Resources) -> Iterator[None]:
    """No other command compares this version meanwhile: it would drop it under us.

    Raises:
        UsageError: one does.
    """
    with try_corpus_lock(beside.connection, "compare") as is_alone:
        if not is_alone:
            raise UsageError(f"another command compares {beside.corpus} now: run this one again when that is over.")
        yield


def _dropped(version: _Version, stay: list[str]) -> None:
    """Drop a version; what keeps it is told, and is no reason to lose what was found."""
    name = version.resources.corpus
    try:
        drop(version.resources)
    except IngestError as error:
        version.resources.progress.say(f"{name} stays: {error}")
    stay.remove(name)


def _setting(resources: Resources, asked: Found, version: _Version | None, *, keep: bool) -> Setting:
    """What is told of a setting."""
    if version is None:
        return Setting(asked.name, corpus_size(resources.connection).chunks, 0, 0.0, None, asked.way())
    size = corpus_size(version.resources.connection)
    kept = version.resources.corpus if keep or version.trial == "kept" else None
    return Setting(asked.name, size.chunks, version.tokens, version.dollars, kept, asked.way())


def _value(settings: Settings, name: str, word: str) -> Any:
    try:
        tried = settings.model_copy()
        type(settings).__pydantic_validator__.validate_assignment(tried, name, word)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"--compare {name}={word}: {said}.") from None
    return getattr(tried, name)


def _planned(resources: Resources, base: Base, each: Compared) -> Indexing | None:
    """How the version for a setting is indexed; None where it is one of searches alone."""
    if each.name in _OF_VERSIONS:
        settings = resources.settings.saying(**{each.name: each.value})
        indexing = plan_indexing(settings, base.indexing, is_local=resources.is_local)
        if indexing.model != base.indexing.model and settings.deployment and not resources.is_local:
            raise UsageError(
                f"--compare {each.label}: the setting deployment, {settings.deployment}, is sent in the place of any "
                "model, so that one would embed for both: call the deployments as the models, and leave it out."
            )
        return indexing
    if each.name == "words_weight" and base.usual.how.mode != "hybrid":
        raise UsageError(f"--compare {each.label}: this corpus is searched by {base.usual.how.mode} alone.")
    return None


def _made(
    resources: Resources, base: Base, each: Compared, indexing: Indexing, stack: ExitStack, stay: list[str]
) -> _Version:
    """The version for a setting, with all texts, and the vectors that the corpus has of them."""
    beside = stack.enter_context(resources.beside(each.version_of(resources.corpus), **asdict(indexing)))
    stack.enter_context(_alone(beside))
    trial = begin_trial(beside.connection, resources.corpus, beside.corpus, indexing)
    stay.append(beside.corpus)
    share = partial(_share, beside, resources.corpus, base.indexing, indexing)
    if _has_same_passages(base.indexing, indexing):
        mirror(beside.connection, resources.corpus, beside.corpus, None, indexing.embedding_model.max_tokens, share)
    else:
        _chunk_anew(resources, base, each, indexing, beside, share)
    tokens = unsent_tokens(beside)
    mode = plan_way(beside.settings, tokens).mode
    dollars = tokens / 1e6 * price_of(beside, indexing, mode) * token_ratio(beside, indexing)
    return _Version(each, indexing, beside, trial, tokens, dollars)


def _has_same_passages(before: Indexing, indexing: Indexing) -> bool:
    """Whether only the column is another, of a model that counts alike."""
    alike = before.embedding_model.tokenizer == indexing.embedding_model.tokenizer
    column = replace(before, model=indexing.model, dimensions=indexing.dimensions, vector_type=indexing.vector_type)
    return alike and column == indexing


def _chunk_anew(
    resources: Resources,
    base: Base,
    each: Compared,
    indexing: Indexing,
    beside: Resources,
    share: Callable[[list[int]], None],
) -> None:
    """Fill a version with the texts of the corpus, chunked otherwise."""
    settle_filters(beside.connection, beside.corpus, read_filters(resources.connection))
    keywords = read_keywords(resources.connection)
    has_terms = keywords.filled_languages is not None
    settle_keywords(beside.connection, beside.corpus, beside.progress, keywords.language, made=has_terms)
    given = Files(())
    before = plan_chunking(resources.settings, base.indexing, given)
    chunking = replace(plan_chunking(beside.settings, indexing, given), keywords=has_terms, language=keywords.language)
    documents = KeptDocuments(
        resources.connection, resources.corpus, before, corpus_size(resources.connection).documents
    )
    with beside.engine(chunking) as engine:
        sync_documents(
            beside.connection,
            beside.corpus,
            [(documents, chunking)],
            beside.progress,
            engine,
            full=False,
            share=share,
        )
    if documents.guessed:
        beside.progress.say(
            f"{each.label}: how {counted(documents.guessed, 'document')} are structured is not noted, and guessed"
        )


def _share(beside: Resources, used: str, before: Indexing, indexing: Indexing, document_ids: list[int] | None) -> None:
    """Give documents the vectors of the corpus in use where the same model made them, shortened as it would."""
    is_shorter = indexing.dimensions < before.dimensions and indexing.embedding_model.smallest_dimensions is not None
    is_rounded = (before.vector_type, indexing.vector_type) == ("halfvec", "vector")  # and comes back by nothing
    if indexing.model != before.model or is_rounded or not (is_shorter or indexing.dimensions == before.dimensions):
        return
    shared: sql.Composable = sql.SQL("used.embedding")
    if is_shorter:  # a short vector is the beginning of the long one, normalised again
        parts = {"length": sql.Literal(indexing.dimensions), "used": shared}
        functions = {"normalised": in_vector("l2_normalize"), "beginning": in_vector("subvector")}
        shared = sql.SQL("{normalised}({beginning}({used}, 1, {length}))").format(**parts, **functions)
    shared = sql.SQL("{}::{}").format(shared, in_vector(indexing.vector_type))
    query = statement("share_vectors_of").format(used=sql.Identifier(used), shared=shared)
    beside.connection.execute(query, {"document_ids": document_ids})


def _approved(resources: Resources, versions: Sequence[_Version], approve: Approval | None) -> None:
    """Say what each version costs, and see that all together is approved.

    Raises:
        BudgetError: it is not.
    """
    for version in versions:
        cost = f", {about(version.dollars)}" if version.dollars else ""
        resources.progress.say(f"{version.compared.label}: {version.tokens:,} tokens to embed{cost}")
    tokens = sum(version.tokens for version in versions)
    dollars = sum(version.dollars for version in versions)
    if tokens and approve and not approve(tokens, dollars):
        raise BudgetError(
            f"{tokens:,} tokens for {about(dollars)} were not approved: nothing was sent. Run again with --yes, or a "
            "higher --max-cost, or compare less."
        )


def _asked(resources: Resources, base: Base, each: Compared, version: _Version | None) -> Found:
    """What the usual way of searching finds by a setting."""
    usual = base.usual
    if version is None:
        how = replace(usual.how, **{each.name: each.value}) if each.name in _OF_SEARCHES else usual.how
        asking = replace(usual, name=each.label, how=how)
        return ask_all(resources, base.indexing, base.questions, base.answers, base.vectors, asking)
    beside, indexing = version.resources, version.indexing
    report = embed(beside)
    if report.failures:
        resources.progress.say(f"{each.label}: {counted(len(report.failures), 'text')} failed, and are not found")
    same = (indexing.model, indexing.dimensions) == (base.indexing.model, base.indexing.dimensions)
    vectors = base.vectors if same else question_vectors(beside, indexing, base.path, base.questions)
    answers = locate(beside.connection, base.path, base.questions, indexing.overlap)
    how = replace(usual.how, languages=tuple(read_keywords(beside.connection).languages))
    return ask_all(beside, indexing, base.questions, answers, vectors, replace(usual, name=each.label, how=how))
