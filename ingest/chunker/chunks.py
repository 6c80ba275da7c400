"""Chunks: the passages of a text, with the headings above them, each counted and under the token limit."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from ingest.chunker.boundaries import boundaries
from ingest.chunker.cuts import choose
from ingest.chunker.finer import middle
from ingest.chunker.headings import Context, contexts
from ingest.chunker.lines import Lines
from ingest.chunker.outline import Heading
from ingest.chunker.overlaps import overlap_start
from ingest.chunker.stretches import Stretch
from ingest.chunker.tables import with_headers
from ingest.model import Chunk, Syntax

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from ingest.chunker.tokens import Tokenizer

SMALLEST_LIMIT = 32  # tokens: room for any one character in any of the tokenizers, headings and all


class _Passage(NamedTuple):
    """A stretch of the text with its context; its overlap with what stands before begins at `before`."""

    before: int
    start: int
    end: int
    context: Context

    def content(self, text: str) -> str:
        """The passage with its overlap."""
        return text[self.before : self.end]

    def pages(self, text: str, pages: Sequence[tuple[int, int]]) -> tuple[int | None, int | None]:
        """The numbers of the pages that it begins and ends on, without its overlap and its blank edges."""
        if not pages:
            return None, None
        said = text[self.start : self.end].strip()
        first = text.find(said[:1], self.start)
        return _page_at(first, pages), _page_at(first + len(said) - 1, pages)

    def lines(self, text: str, lines: Lines | None) -> tuple[int | None, int | None]:
        """The lines that it begins and ends on, with its overlap and without its blank edges."""
        if lines is None:
            return None, None
        _, start, end = self.embedded(text)
        return lines.at(start), lines.at(end - 1)

    def embedded(self, text: str) -> Stretch:
        """What is sent to the model for it, as `embedded_text` makes it: the content without its blank edges."""
        start, end = self.before, self.end
        while start < end and text[start].isspace():
            start += 1
        if start == end:
            return Stretch(self.context.line, self.before, end)
        while text[end - 1].isspace():
            end -= 1
        return Stretch(self.context.line, start, end)


def _page_at(position: int, pages: Sequence[tuple[int, int]]) -> int | None:
    """The number of the page that a character stands on; None before the first."""
    place = bisect_right(pages, position, key=itemgetter(0))
    return pages[place - 1][1] if place else None


def chunk(
    text: str,
    *,
    tokenizer: Tokenizer,
    max_tokens: int,
    overlap: int = 0,
    syntax: Syntax = Syntax.TEXT,
    embed_headings: bool = True,
    heading: str = "",
    pages: Sequence[tuple[int, int]] = (),
    line_marks: Sequence[tuple[int, int]] = (),
) -> list[Chunk]:
    """Split a text into chunks whose embedded text is at most `max_tokens` tokens each.

    `heading` stands above them all. `pages`: at which character each page begins, and its number; `line_marks`: where
    lines are counted anew, and the line there.

    Without overlap the contents join to the text exactly; with it, each but the first begins with up to
    `overlap` tokens of what stands before. The same text gives the same chunks, and an edit changes few of them.

    Raises:
        ValueError: `max_tokens` is below 32, or `overlap` is negative or more than half of it.
    """
    if max_tokens < SMALLEST_LIMIT:
        raise ValueError(f"max_tokens is {max_tokens}: at least {SMALLEST_LIMIT} are needed.")
    if not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"overlap is {overlap}: it can be from 0 to half of max_tokens, {max_tokens // 2}.")
    if not text or text.isspace():
        return []
    token_ends = tokenizer.token_ends(text)
    above = [Heading(-1, 0, heading)] if heading else []
    passages = _passages(text, token_ends, tokenizer, max_tokens, overlap, syntax, above, embed_headings=embed_headings)
    counts = tokenizer.count_stretches(text, token_ends, [passage.embedded(text) for passage in passages])
    fitting = [
        pair
        for passage, count in zip(passages, counts, strict=True)
        for pair in _fitted(text, passage, tokenizer, max_tokens, count)
    ]
    lines = Lines(text, line_marks) if line_marks else None
    return [
        Chunk(
            ordinal,
            passage.content(text),
            passage.context.headings,
            passage.context.embedded,
            count,
            passage.context.table_header,
            *passage.pages(text, pages),
            *passage.lines(text, lines),
        )
        for ordinal, (passage, count) in enumerate(_without_blank(text, fitting))
    ]


def _without_blank(text: str, passages: list[tuple[_Passage, int]]) -> Iterator[tuple[_Passage, int]]:
    """The passages with their counts; white space is none, and stands at the edge of the one before it or after.

    What is embedded of that one, and so its count, stays.
    """
    held: tuple[_Passage, int] | None = None
    begin: int | None = None  # of white space at the start of the text
    for passage, count in passages:
        if not text[passage.start : passage.end].isspace():
            if held:
                yield held
            held = (passage if begin is None else passage._replace(before=begin, start=begin)), count
            begin = None
        elif held:
            held = held[0]._replace(end=passage.end), held[1]
        else:
            begin = passage.start if begin is None else begin
    if held:
        yield held


def _passages(
    text: str,
    token_ends: np.ndarray,
    tokenizer: Tokenizer,
    max_tokens: int,
    overlap: int,
    syntax: Syntax,
    above: list[Heading],
    *,
    embed_headings: bool,
) -> list[_Passage]:
    """The passages of the text, under the limit as far as the counts of their tokens add up."""
    limit = max_tokens - tokenizer.overhead
    context_tokens = max_tokens // 4 if embed_headings else 0
    [at_start] = contexts(above, [0], tokenizer, context_tokens)
    if _size(text, token_ends) + at_start.tokens + (overlap + 1 if overlap else 0) <= limit:
        # What the way through all boundaries comes to: a cut costs, and so does a smaller chunk. 16 µs instead of 87.
        return [_Passage(0, 0, len(text), at_start)]
    at = boundaries(text, syntax, token_ends, limit - overlap)
    plain = contexts([*above, *at.headings], at.positions, tokenizer, context_tokens)
    around = plain
    if embed_headings:
        around = with_headers(plain, at.tables, at.positions, tokenizer, (max_tokens - overlap) // 4)
    reserved = [context.tokens + (overlap + 1 if overlap else 0) for context in around]
    ends = choose(at.ends_before, at.ends_upto, at.costs, reserved, limit)
    starts = [0, *ends[:-1]]
    befores = [overlap_start(text, at, start, token_ends, overlap) for start in starts]
    return [
        _Passage(
            before,
            at.positions[start],
            at.positions[end],
            # The overlap may have brought the header itself.
            around[start] if before > around[start].table_start else plain[start],
        )
        for before, start, end in zip(befores, starts, ends, strict=True)
    ]


def _size(text: str, token_ends: np.ndarray) -> int:
    """The tokens of the whole text, as `choose` counts those of a chunk."""
    return int(token_ends.searchsorted(len(text))) - int(token_ends.searchsorted(0, "right")) + 1


def _fitted(
    text: str, passage: _Passage, tokenizer: Tokenizer, max_tokens: int, count: int | None = None
) -> Iterator[tuple[_Passage, int]]:
    """The passage with its count, or, where tokens did not add up, in parts that are under the limit.

    Rare: a cut inside a word can make a token more, and so can joining the overlap or the headings to it.
    """
    if count is None:
        count = tokenizer.count(passage.embedded(text).of(text))
    if count <= max_tokens or passage.end - passage.before == 1:
        yield passage, count
    elif passage.before < passage.start:
        yield from _fitted(text, passage._replace(before=passage.start), tokenizer, max_tokens)
    else:
        cut = middle(text, passage.start, passage.end)
        yield from _fitted(text, passage._replace(end=cut), tokenizer, max_tokens)
        yield from _fitted(text, passage._replace(before=cut, start=cut), tokenizer, max_tokens)
