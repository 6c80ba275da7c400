"""What a search found, as people read it: each passage in its own lines, so that code stays code."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from rich.text import Text

from ingest.formatting import clean, counted, display_path, some
from ingest.keywords import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ingest.corpus import Passage

_MAX_CHARACTERS = 400
_INDENT = "   "
_TAB = 4
_FOUND = "bold yellow"


def listed_passages(
    passages: Sequence[Passage], query: str, console: Console, *, whole: bool = False, verbose: bool = False
) -> Iterator[Text]:
    """The lines of passages, the best first; those of a text are broken for the width of a terminal alone.

    Of a long text those lines are shown that have most of the words; with `whole`, or `verbose`, all of them.
    """
    for rank, passage in enumerate(passages, 1):
        trail = " › ".join(passage.headings)
        yield Text.assemble(
            (f"{rank}. ", "bold"),
            (f"{passage.score:.3f}  ", "green"),
            (clean(display_path(passage.uri)), "cyan"),
            (_lines_of(passage) or _pages(passage), "cyan"),
            (f"  {clean(trail)}" if trail else "", "dim"),
        )
        if verbose:
            yield Text(f"{_INDENT}{_known(passage)}", "dim")
        header = [Text(clean(line), "dim") for line in _lines(passage.table_header)] if passage.table_header else []
        text = "\n".join(_lines(passage.content))
        shown = [*header, *(_excerpt if not (whole or verbose) else _all)(text, matches(text, query))]
        for line in shown:
            parts = line.wrap(console, console.width - len(_INDENT)) if console.is_terminal and line else [line]
            for part in parts:
                part.rstrip()
                yield Text.assemble(_INDENT, part) if part else part
        yield Text()


def nothing_found(*, by_words: bool, filtered: bool) -> str:
    """Why a search may have found nothing."""
    if by_words and filtered:
        return "nothing found: no passage has these words and passes the filters"
    if by_words:
        return "nothing found: no passage has these words; without --words what is near them in meaning is found, too"
    if filtered:
        return "nothing found: no passage that has its vector passes the filters (see `ingest status`)"
    return "nothing found: no chunk has a vector yet (see `ingest status`)"


def _lines_of(passage: Passage) -> str:
    """The lines, as editors and terminals know them behind the name of a file."""
    if passage.first_line is None:
        return ""
    is_one = passage.last_line in {None, passage.first_line}
    lines = f"{passage.first_line}" if is_one else f"{passage.first_line}-{passage.last_line}"
    return f":{lines}" if passage.uri.startswith("file:") else f"  line{'' if is_one else 's'} {lines}"


def _pages(passage: Passage) -> str:
    if passage.first_page is None:
        return ""
    is_one = passage.last_page in {None, passage.first_page}
    return f"  p. {passage.first_page:,}" if is_one else f"  pp. {passage.first_page:,}–{passage.last_page:,}"


def _known(passage: Passage) -> str:
    """What is known of a passage beside its text, in one line."""
    count = len(passage.ids) or 1
    said = [f"chunk {passage.id}"]
    if count > 1:
        said.append(f"with what stands beside it: {counted(count, 'chunk')} as one")
    if passage.similarity is not None:
        said.append(f"cosine {passage.similarity:.3f}")
    if passage.words is not None:
        said.append(f"words {passage.words:.2f}")
    if passage.also_in:
        said.append("the same text in " + some([display_path(uri) for uri in passage.also_in]))
    if not passage.is_current:
        said.append("replaced since, and the new text waits for its vector")
    return clean(" · ".join(said))


def _lines(content: str) -> list[str]:
    """A text in its own lines, without the indent of all of them; of several blank ones the first."""
    lines = [line.expandtabs(_TAB).rstrip() for line in content.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", dedent("\n".join(lines)).strip("\n")).split("\n")


def _all(text: str, found: Sequence[tuple[int, int]]) -> list[Text]:
    """A text in its lines, with what was found of it marked."""
    shown = Text(text)
    for start, end in found:
        shown.stylize(_FOUND, start, end)
    lines = shown.split("\n", allow_blank=True)
    for line in lines:
        line.plain = clean(line.plain)
    return list(lines)


def _excerpt(text: str, found: Sequence[tuple[int, int]]) -> list[Text]:
    """Of a long text the lines with most of what was found, as different words; the first such lines."""
    if len(text) <= _MAX_CHARACTERS:
        return _all(text, found)
    starts = [0, *(line.end() for line in re.finditer(r"\n+", text))]
    start = max(starts, key=lambda begin: (_different(text, found, begin), -begin))
    # What stands before it is shown, too, where there is room.
    last = max((end for _, end in found if end <= start + _MAX_CHARACTERS), default=start)
    enough = [begin for begin in starts if last - begin <= _MAX_CHARACTERS and begin <= start]
    start = next((begin for begin in enough if not begin or text[begin - 2 : begin] == "\n\n"), enough[0])
    part = text[start : start + _MAX_CHARACTERS]
    if start + len(part) < len(text):
        part = re.sub(r"\s\S{0,100}\Z", "", part) + " …"
    marked = [(begin - start, end - start) for begin, end in found if start <= begin and end <= start + len(part)]
    if start == 0:
        return _all(part, marked)
    return [Text("…"), *_all(part, marked)]


def _different(text: str, found: Sequence[tuple[int, int]], begin: int) -> int:
    end_of_all = begin + _MAX_CHARACTERS
    return len({text[start:end].lower() for start, end in found if begin <= start and end <= end_of_all})
