"""What searches for one question bring, by how many passages they are for, as stretches of the documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.corpus import Wanted, gather
from ingest.evaluation import Passage, solid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.chunker import Tokenizer
    from ingest.corpus import Located
    from ingest.corpus import Passage as Hit


@dataclass(slots=True)
class Searches:
    """Searches for a question, each for so many passages, as `gather` brings them.

    `look`: so many passages, the best first; `depths`: how many of them are looked at, one after the other, where that
    was too few; `located`: what answers; `known`: by their ids, the passages of documents that hold answers.
    """

    look: Callable[[int], list[Hit]]
    depths: Sequence[int]
    located: Located
    known: Mapping[int, Passage]
    counted_by: Tokenizer
    overlap: int
    per_document: int | None
    _hits: list[Hit] = field(default_factory=list)
    _looked: int = 0  # how many of the depths
    _brought: dict[int, Sequence[Passage]] = field(default_factory=dict)
    _tokens: dict[tuple[int, ...], int] = field(default_factory=dict)

    def bring(self, count: int) -> Sequence[Passage]:
        """What a search for so many brings: each text once, neighbours as one."""
        if count not in self._brought:
            self._brought[count] = self.located.ranked([self._stretch(each) for each in self._search(count)])
        return self._brought[count]

    def ranked(self, most: int) -> Sequence[Passage]:
        """The passages one by one, as they are ranked before that."""
        self._search(1)
        return self.located.ranked([self.known.get(hit.id) or _elsewhere(hit) for hit in self._hits[:most]])

    def _search(self, count: int) -> list[Hit]:
        wanted = Wanted(count, per_document=self.per_document)
        while True:
            found = gather(lambda _: self._hits, lambda *_: {}, wanted, self.overlap)
            is_enough = sum(len(each.ids) for each in found) == count
            is_all = self._looked and len(self._hits) < self.depths[self._looked - 1]
            if is_enough or is_all or self._looked == len(self.depths):
                return found
            self._hits = self.look(self.depths[self._looked])
            self._looked += 1

    def _stretch(self, found: Hit) -> Passage:
        """Where it stands; of a text that stands in several documents, where it answers most."""
        first, last = self.known.get(found.ids[0]), self.known.get(found.ids[-1])
        own = first._replace(end=last.end) if first and last else _elsewhere(found)
        copies = [
            self.known[hit.id]
            for hit in self._hits
            if hit.uri in found.also_in and hit.id in self.known and hit.content.strip() in found.content
        ]
        if found.ids not in self._tokens:
            self._tokens[found.ids] = self.counted_by.count(found.content.strip())
        return max([own, *copies], key=self.located.worth)._replace(token_count=self._tokens[found.ids])


def _elsewhere(hit: Hit) -> Passage:
    """A passage of a document that holds no answer."""
    return Passage("", 0, len(solid(hit.content)), 0)
