"""The headings above a passage, and how many of them are embedded with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.model import headings_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.chunker.outline import Heading
    from ingest.chunker.tokens import Tokenizer


class Context(NamedTuple):
    """The headings above a position, how many of the innermost are embedded, what they make to be put before a passage.

    `table_header` is a part of the line: that of the table that the position lies in, which starts at `table_start`.
    """

    headings: tuple[str, ...]
    embedded: int
    line: str
    tokens: int
    table_header: str = ""
    table_start: int = -1


_NO_CONTEXT = Context((), 0, "", 0)


def contexts(
    headings: Sequence[Heading], positions: Sequence[int], tokenizer: Tokenizer, most_tokens: int
) -> list[Context]:
    """The context of a passage that begins at each of the positions, which rise.

    The outermost headings are left out of the embedded text where all would take more than `most_tokens`.
    """
    if not headings:
        return [_NO_CONTEXT] * len(positions)
    stacks = list(_stacks(headings, positions))
    distinct = [stack for stack in dict.fromkeys(stacks) if stack]
    known: dict[tuple[str, ...], Context] = {(): _NO_CONTEXT}
    for stack in distinct:
        for embedded in range(len(stack), -1, -1):
            line = headings_line(stack, embedded)
            tokens = tokenizer.count(line) - tokenizer.overhead
            if tokens <= most_tokens:
                break
        known[stack] = Context(stack, embedded, line, tokens)
    return [known[stack] for stack in stacks]


def _stacks(headings: Sequence[Heading], positions: Iterable[int]) -> Iterable[tuple[str, ...]]:
    """The headings in force at each position; a heading that begins there stands in the passage itself."""
    stack: list[Heading] = []
    following = iter(headings)
    heading = next(following, None)
    titles: tuple[str, ...] = ()
    for position in positions:
        while heading is not None and heading.start < position:
            while stack and stack[-1].depth >= heading.depth:
                stack.pop()
            stack.append(heading)
            titles = tuple(above.title for above in stack if above.title)
            heading = next(following, None)
        if heading is not None and heading.start == position:
            yield tuple(above.title for above in stack if above.title and above.depth < heading.depth)
        else:
            yield titles
