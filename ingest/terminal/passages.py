"""What a search found, as people read it: each passage in its own lines, so that code stays code."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from rich.text import Text

from ingest.formatting import clean
from ingest.sources.files import display_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ingest.corpus import Passage

_MAX_CHARACTERS = 400
_INDENT = "   "
_TAB = 4


def listed_passages(passages: Sequence[Passage], query: str, console: Console) -> Iterator[Text]:
    """The lines of passages, the best first; those of a text are broken for the width of a terminal alone."""
    words = [re.escape(word) for word in query.split() if len(word) > 2 or not word.isascii()]
    for rank, passage in enumerate(passages, 1):
        trail = " › ".join(passage.headings)
        yield Text.assemble(
            (f"{rank}. ", "bold"),
            (f"{passage.score:.3f}  ", "green"),
            (clean(display_path(passage.uri)), "cyan"),
            (_pages(passage), "cyan"),
            (f"  {clean(trail)}" if trail else "", "dim"),
        )
        header = [Text(line, "dim") for line in _excerpt(passage.table_header)] if passage.table_header else []
        for line in [*header, *map(Text, _excerpt(passage.content))]:
            if words:
                line.highlight_regex(re.compile("|".join(words), re.IGNORECASE), "bold yellow")
            parts = line.wrap(console, console.width - len(_INDENT)) if console.is_terminal and line else [line]
            for part in parts:
                part.rstrip()
                yield Text.assemble(_INDENT, part) if part else part
        yield Text()


def _pages(passage: Passage) -> str:
    if passage.first_page is None:
        return ""
    is_one = passage.last_page in {None, passage.first_page}
    return f"  p. {passage.first_page:,}" if is_one else f"  pp. {passage.first_page:,}–{passage.last_page:,}"


def _excerpt(content: str) -> list[str]:
    """The beginning of a text, in its own lines; of several blank ones the first."""
    lines = [line.expandtabs(_TAB).rstrip() for line in content.splitlines()]
    text = re.sub(r"\n{3,}", "\n\n", dedent("\n".join(lines)).strip("\n"))
    if len(text) > _MAX_CHARACTERS:
        shortened = text[:_MAX_CHARACTERS]
        text = re.sub(r"\s\S{0,100}\Z", "", shortened) + " …"
    return [clean(line) for line in text.split("\n")]
