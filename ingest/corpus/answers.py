"""Where what answers questions stands in a corpus: in which passages, and whether searches can bring these."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ingest.corpus.filters import asked_filters
from ingest.corpus.texts import find_asked_documents, findable, read_texts
from ingest.errors import UsageError
from ingest.evaluation import Miss, Stretch, by_document, is_cut, is_relevant, share, shown, solid
from ingest.formatting import some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ingest.corpus.filters import Filter
    from ingest.database.connection import Connection
    from ingest.evaluation import Answer, Passage, Question, Text

_NOWHERE = "\0"  # no URI has it
_MOST_PLACES = 1_000  # of an excerpt: what stands in more is no answer, and all of their documents would be held
_Excerpts: TypeAlias = "dict[str, list[tuple[int, str]]]"  # with the questions, by their lines, that they answer


class Located(NamedTuple):
    """What answers a question in one corpus.

    `uris`: documents of which any passage answers; none where excerpts do. `obstacle`: why a part of it cannot come;
    `is_cut`: an excerpt stands in no passage whole; `relevant`: how many passages answer. `uri`: the first document
    that it stands in.
    """

    answer: Answer
    uris: frozenset[str]
    filters: tuple[Filter, ...]
    obstacle: Miss | None
    is_cut: bool
    relevant: int
    uri: str | None

    def ranked(self, passages: Sequence[Passage]) -> Sequence[Passage]:
        """The passages that were found, as its answer is held against them."""
        return by_document(passages, self.uris) if self.uris else passages

    def worth(self, passage: Passage) -> float:
        """How much of the answer is in one passage."""
        return float(passage.uri in self.uris) if self.uris else share(self.answer, [passage])


@dataclass(slots=True)
class Answers:
    """What answers each question, by its line.

    `passages`: by their ids, those of documents that hold an answer; `absent`: what no document has, a line each.
    """

    located: dict[int, Located] = field(default_factory=dict)
    passages: dict[int, Passage] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


class _Known(NamedTuple):
    """What is known of the passages of the documents that hold answers."""

    passages: dict[int, Passage]
    by_uri: dict[str, list[int]]
    embedded: set[int]


def locate(connection: Connection, path: Path, questions: Mapping[int, Question], overlap: int) -> Answers:
    """Find what answers the questions of a file. All documents are read where an excerpt may stand in any.

    Raises:
        UsageError: a URI is the end of several, an excerpt stands nearly everywhere, or a filter cannot be.
    """
    documents = find_asked_documents(connection, [uri for each in questions.values() for uri in each.uris])
    _require_clear(path, questions, documents)
    found: dict[tuple[int, str], list[Stretch]] = defaultdict(list)
    known = _Known({}, defaultdict(list), set())
    sought = _sought(questions, documents)
    ids = sorted({number for meant in documents.values() for number, _ in meant})
    for text in read_texts(connection, None if sought[None] else ids, overlap):
        _look(path, text, sought, found, known)
    answers = Answers(passages=known.passages)
    for line, question in questions.items():
        where = f"{path}, line {line}"
        absent = [
            f'{where}: no document has the excerpt "{shown(each)}"'
            for each in question.excerpts
            if not found[line, each]
        ]
        absent += [f"{where}: there is no document {each}" for each in question.uris if not documents[each]]
        answers.absent += absent
        try:
            filters = asked_filters(connection, question.filters)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
        uris = (
            frozenset(uri for each in question.uris for _, uri in documents[each])
            if not question.excerpts
            else frozenset()
        )
        answer = [found[line, each] or [_nowhere(each)] for each in question.excerpts]
        answer += [[Stretch(uri, 0, 1)] for uri in sorted(uris)]
        if uris or not question.excerpts:
            answer += [[_nowhere("x")] for each in question.uris if not documents[each]]
        answers.located[line] = _located(connection, answer, uris, filters, known, is_absent=bool(absent))
    return answers


def _located(
    connection: Connection,
    answer: Answer,
    uris: frozenset[str],
    filters: tuple[Filter, ...],
    known: _Known,
    *,
    is_absent: bool,
) -> Located:
    """What answers a question, with whether it can be found."""
    needed = [[_holding(place, uris, known) for place in places] for places in answer]
    ids = {number for places in needed for holding in places for number in holding}
    can_come = known.embedded & ids
    obstacle = Miss.ABSENT if is_absent else None if _comes(needed, can_come, uris) else Miss.UNEMBEDDED
    if obstacle is None and filters and not _comes(needed, findable(connection, ids, filters), uris):
        obstacle = Miss.FILTERED
    passages = [known.passages[number] for number in ids]
    return Located(
        answer,
        uris,
        filters,
        obstacle,
        not uris and is_cut(answer, passages),
        len(uris) or sum(is_relevant(passage, answer) for passage in passages),
        next((place.uri for places in answer for place in places if place.uri != _NOWHERE), None),
    )


def _holding(place: Stretch, uris: frozenset[str], known: _Known) -> list[int]:
    """The passages that hold a part of a place; of a document that answers, all of them."""
    in_document = known.by_uri.get(place.uri, [])
    if uris:
        return in_document
    return [
        number
        for number in in_document
        if max(place.start, known.passages[number].start) < min(place.end, known.passages[number].end)
    ]


def _comes(needed: Sequence[Sequence[list[int]]], can_come: Collection[int], uris: frozenset[str]) -> bool:
    """Whether each part of an answer can be found whole at one of its places; of a document any passage is enough."""
    enough = any if uris else all
    return all(
        any(holding and enough(number in can_come for number in holding) for holding in places) for places in needed
    )


def _sought(
    questions: Mapping[int, Question], documents: Mapping[str, list[tuple[int, str]]]
) -> dict[str | None, _Excerpts]:
    """What is looked for in the document of each URI; None: in all. An excerpt stands without its white space."""
    sought: dict[str | None, _Excerpts] = {uri: defaultdict(list) for meant in documents.values() for _, uri in meant}
    sought[None] = defaultdict(list)
    for line, question in questions.items():
        named = [uri for each in question.uris for _, uri in documents[each]]
        for excerpt in question.excerpts:
            for uri in named if question.uris else (None,):
                sought[uri][solid(excerpt)].append((line, excerpt))
    return sought


def _look(
    path: Path,
    text: Text,
    sought: Mapping[str | None, _Excerpts],
    found: dict[tuple[int, str], list[Stretch]],
    known: _Known,
) -> None:
    """Look for the excerpts in a document that may hold them."""
    holds_any = text.uri in sought
    for excerpts in (sought.get(text.uri, {}), sought[None]):
        for words, asked in excerpts.items():
            if places := text.places(words):
                holds_any = True
                for line, excerpt in asked:
                    found[line, excerpt] += places
                    if len(found[line, excerpt]) > _MOST_PLACES:
                        raise UsageError(
                            f'{path}, line {line}: the excerpt "{shown(excerpt)}" stands in more than {_MOST_PLACES:,} '
                            "places: give more of it, or the uris of the documents that are meant."
                        )
    if holds_any:
        for (number, passage), is_embedded in zip(text.passages(), text.is_embedded, strict=True):
            known.passages[number] = passage
            known.by_uri[text.uri].append(number)
            if is_embedded:
                known.embedded.add(number)


def _nowhere(excerpt: str) -> Stretch:
    return Stretch(_NOWHERE, 0, len(solid(excerpt)))


def _require_clear(
    path: Path, questions: Mapping[int, Question], documents: Mapping[str, list[tuple[int, str]]]
) -> None:
    for line, question in questions.items():
        for uri in question.uris:
            if len(documents[uri]) > 1:
                several = some([each for _, each in documents[uri]])
                raise UsageError(f"{path}, line {line}: {uri} is the end of several URIs ({several}): give more of it.")
