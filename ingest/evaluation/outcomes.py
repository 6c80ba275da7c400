"""What became of one question in one way of searching: where its answer came, or why not. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.evaluation.metrics import first_rank, share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from ingest.evaluation.metrics import Answer, Bring, Passage

SHOWN = 5
"""The passages that a search brings: the answer is found where all of it is in them."""
DEEPEST = 50
"""How far down an answer is looked for that did not come among them."""


class Miss(StrEnum):
    """Why an answer is not whole in the first five passages."""

    ABSENT = "not in the corpus"
    UNEMBEDDED = "without a vector yet"
    FILTERED = "filtered away"
    CUT = "cut in two"
    RANKED = "ranked 6th to 50th"
    BEYOND = "not among the first 50"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the answer to a question came.

    `first`: the rank, from 1, of the first passage that answers; `whole`: of how many passages that are asked for all
    of the answer comes; None: more than 50. `miss`: why it is not whole in the first five, None where it is.
    """

    first: int | None
    whole: int | None
    miss: Miss | None


def outcome(answer: Answer, bring: Bring, most: int, obstacle: Miss | None, *, is_cut: bool) -> Outcome:
    """What became of a question, where so many passages are asked for at most.

    `obstacle`: why a part of the answer cannot come; `is_cut`: none holds it whole.
    """
    first, whole = first_rank(answer, bring, most), whole_rank(answer, bring, most)
    if whole is not None and whole <= SHOWN:
        return Outcome(first, whole, None)
    if obstacle:
        return Outcome(first, whole, obstacle)
    if is_cut and share(answer, bring(SHOWN if whole else most)):
        return Outcome(first, whole, Miss.CUT)
    return Outcome(first, whole, Miss.RANKED if whole else Miss.BEYOND)


def whole_rank(answer: Answer, bring: Bring, most: int) -> int | None:
    """Of how many passages that are asked for all of an answer comes; None: of more."""
    if not answer or share(answer, bring(most)) < 1:
        return None
    return bisect_left(range(1, most), True, key=lambda count: share(answer, bring(count)) == 1) + 1


def is_cut(answer: Answer, passages: Sequence[Passage]) -> bool:
    """Whether there is an excerpt that no passage holds whole, wherever it stands."""
    return any(
        not any(
            passage.uri == place.uri and passage.start <= place.start and place.end <= passage.end
            for place in places
            for passage in passages
        )
        for places in answer
    )


def by_document(ranked: Sequence[Passage], uris: AbstractSet[str]) -> list[Passage]:
    """The passages where any one of a document answers: the first of each of these is the document, others nothing."""
    found: list[Passage] = []
    left = set(uris)
    for passage in ranked:
        is_first = passage.uri in left
        left.discard(passage.uri)
        found.append(passage._replace(uri=passage.uri if is_first else "", start=0, end=1))
    return found
