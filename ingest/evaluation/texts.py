"""A document's text as its passages have it, without white space; and where excerpts stand in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from ingest.evaluation.metrics import Passage, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_PLACES = 20  # of one excerpt in one document: more are licences, headers, footers


@dataclass(frozen=True, slots=True)
class Text:
    """The characters of a document that are no white space, and where its passages begin and end in them.

    `ids`: of the passages; `is_embedded`: whether each has its vector.
    """

    uri: str
    solid: str
    ids: tuple[int, ...]
    stretches: tuple[tuple[int, int], ...]
    is_embedded: tuple[bool, ...]

    def places(self, excerpt: str) -> list[Stretch]:
        """Where an excerpt, without its white space, stands in it."""
        found: list[Stretch] = []
        start = self.solid.find(excerpt)
        while start >= 0 and len(found) < _MOST_PLACES:
            found.append(Stretch(self.uri, start, start + len(excerpt)))
            start = self.solid.find(excerpt, start + len(excerpt))
        return found

    def passages(self) -> Iterator[tuple[int, Passage]]:
        """The passages by their ids; their tokens are not counted."""
        for number, (start, end) in zip(self.ids, self.stretches, strict=True):
            yield number, Passage(self.uri, start, end, 0)


def solid(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def laid(contents: Sequence[str], repeated: Sequence[int]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text of passages that follow one another, and where each stands in it; without white space.

    `repeated`: how many characters at the beginning of each are the end of the one before.
    """
    own = [solid(content[length:]) for content, length in zip(contents, repeated, strict=True)]
    ends = list(accumulate(map(len, own)))
    starts = [
        end - len(words) - len(solid(content[:length]))
        for end, words, content, length in zip(ends, own, contents, repeated, strict=True)
    ]
    return "".join(own), tuple(zip(starts, ends, strict=True))
