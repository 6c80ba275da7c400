"""What comes back of the passages found: each text once, neighbours as one, so many a document, with their context."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from ingest.corpus.surroundings import Piece, joined, section_around, without_gap
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.corpus.search import Passage

Context: TypeAlias = int | Literal["section"]

MOST_CONTEXT = 50
_SECTION = 20  # passages before and after a hit, in which its section is looked for
_SPARE = 15  # passages more than are wanted: of some the text is there already, others stand beside a better one
_MOST_FOUND = 1_000  # that are looked at for more, and a reranker is asked about
_RERANKED = 50

Find: TypeAlias = "Callable[[int], list[Passage]]"
Read: TypeAlias = "Callable[[Sequence[int], int, int], Mapping[int, list[Piece]]]"
Rank: TypeAlias = "Callable[[Sequence[Passage]], list[Passage]]"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to come back: the best `limit` passages, of one document no more than `per_document`.

    Those that stand beside one another come as one, and so fewer: what comes never has more text than was asked for.
    `context`: with so many passages before and after each, or with its section; at most 20 of these on each side.

    Raises:
        UsageError: one of them is no such number.
    """

    limit: int = 5
    context: Context = 0
    per_document: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no search can bring."""
        if self.limit < 1:
            raise UsageError(f"a search brings one passage or more, and not {self.limit}.")
        if self.per_document is not None and self.per_document < 1:
            raise UsageError(f"of a document come one passage or more, and not {self.per_document}.")
        if self.context != "section" and self.context not in range(MOST_CONTEXT + 1):
            raise UsageError(
                f"the context is a number of passages, 0 to {MOST_CONTEXT}, or section, and not {self.context}."
            )

    @property
    def around(self) -> int:
        """How many passages before and after a hit are read for it."""
        return _SECTION if self.context == "section" else self.context

    @property
    def reach(self) -> int:
        """How far from one another two hits may stand so that, with their context, no passage is between them."""
        return 1 if self.context == "section" else 2 * self.context + 1


@dataclass(slots=True)
class _Group:
    """Hits of a document that come back as one, the best first; the URIs of those that had the same text."""

    hits: list[Passage]
    also_in: list[str] = field(default_factory=list)
    pieces: dict[int, Piece] = field(default_factory=dict)

    def touches(self, hit: Passage, reach: int) -> bool:
        """Whether a hit stands beside these, as the document is now."""
        best = self.hits[0]
        is_of_now = hit.uri == best.uri and hit.is_current and best.is_current
        return is_of_now and any(abs(hit.ordinal - own.ordinal) <= reach for own in self.hits)

    def take(self, other: _Group) -> None:
        """Make those of another its own."""
        self.hits += other.hits
        self.also_in += other.also_in
        self.pieces |= other.pieces


def gather(find: Find, read: Read, wanted: Wanted, overlap: int, rank: Rank | None = None) -> list[Passage]:
    """What comes back of a search. `overlap`: of the corpus; its tokens, repeated by neighbours, come once.

    `find`: so many passages, the best first, of which more are asked for where those are too few; `read`: around the
    ids of some, so many before and after; `rank`: the passages in another order, asked for once.
    """
    count = wanted.limit + _SPARE
    if rank:
        count = min(max(count, _RERANKED), max(_MOST_FOUND, wanted.limit))
    while True:
        found = find(count)
        groups = _grouped(rank(found) if rank else found, wanted)
        is_enough = sum(len(group.hits) for group in groups) == wanted.limit
        if rank or is_enough or len(found) < count or count >= _MOST_FOUND:
            break
        count = min(4 * count, _MOST_FOUND)
    around = wanted.around
    there = read([hit.id for group in groups for hit in group.hits], around, around) if around and groups else {}
    for group in groups:
        for hit in group.hits:
            pieces = _with_context(hit, there.get(hit.id, ()), wanted, overlap)
            group.pieces |= {piece.ordinal: piece for piece in pieces}
    return [_as_one(group, overlap) for group in _without_shared(groups)]


def _grouped(found: Sequence[Passage], wanted: Wanted) -> list[_Group]:
    """The best hits, as many as are wanted: what stands beside a better one is of its group."""
    groups: list[_Group] = []
    by_text: dict[tuple[object, ...], _Group] = {}
    of_document = Counter[str]()
    for hit in found:
        text = _text_of(hit)
        if text in by_text:
            by_text[text].also_in.append(hit.uri)
            continue
        if of_document[hit.uri] == wanted.per_document:
            continue
        if of_document.total() == wanted.limit:
            break
        of_document[hit.uri] += 1
        beside = [group for group in groups if group.touches(hit, wanted.reach)]
        if beside:
            home, *others = beside
            home.hits.append(hit)
            for other in others:
                home.take(other)
                groups.remove(other)
                by_text |= {_text_of(each): home for each in other.hits}
        else:
            home = _Group([hit])
            groups.append(home)
        by_text[text] = home
    return groups


def _text_of(hit: Passage) -> tuple[object, ...]:
    """What two passages have in common that say the same: the same words in another section may say something else."""
    return hit.headings[-1:], hit.table_header, hit.content.strip()


def _with_context(hit: Passage, around: Sequence[Piece], wanted: Wanted, overlap: int) -> Sequence[Piece]:
    """A hit with what stands around it; alone where its document, or the corpus, was changed meanwhile."""
    if not any(piece.id == hit.id and piece.content == hit.content for piece in around):
        places = hit.first_page, hit.last_page, hit.first_line, hit.last_line
        return [Piece(hit.id, hit.ordinal, hit.headings, hit.content, hit.table_header, *places)]
    if wanted.context == "section":
        return section_around(around, hit.id, hit.uri, overlap)
    return around


def _without_shared(groups: Sequence[_Group]) -> list[_Group]:
    """The groups, where those that have a passage in common, as hits of one section do, are one."""
    apart: list[_Group] = []
    for group in groups:
        ids = {piece.id for piece in group.pieces.values()}
        sharing = [each for each in apart if not ids.isdisjoint(own.id for own in each.pieces.values())]
        if not sharing:
            apart.append(group)
            continue
        home, *others = sharing
        home.take(group)
        for other in others:
            home.take(other)
            apart.remove(other)
    return apart


def _as_one(group: _Group, overlap: int) -> Passage:
    """The hits of a group, and what stands around them, as one passage, which is worth what the best is worth."""
    best = group.hits[0]
    also_in = tuple(uri for uri in dict.fromkeys(group.also_in) if uri != best.uri)
    if group.pieces.keys() == {best.ordinal}:
        return replace(best, ids=(best.id,), also_in=also_in)
    in_order = [group.pieces[ordinal] for ordinal in sorted(group.pieces)]
    pieces = without_gap(in_order, best.id) if any(piece.id == best.id for piece in in_order) else in_order
    first, *_ = pieces
    lines = [line for piece in pieces for line in (piece.first_line, piece.last_line) if line is not None]
    pages = [page for piece in pieces for page in (piece.first_page, piece.last_page) if page is not None]
    return replace(
        best,
        headings=first.headings,
        ordinal=first.ordinal,
        content=joined([piece.content for piece in pieces], overlap),
        table_header=first.table_header,
        first_page=min(pages, default=None),
        last_page=max(pages, default=None),
        first_line=min(lines, default=None),
        last_line=max(lines, default=None),
        ids=tuple(piece.id for piece in pieces),
        also_in=also_in,
    )
