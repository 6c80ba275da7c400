"""Text: with what structure, by what title, and what cannot be stored of it."""

from __future__ import annotations

import re

from ingest.errors import QuotingError
from ingest.model import Syntax

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd"})
CODE_SUFFIXES = frozenset(
    ".bash .c .cc .clj .cpp .cs .css .dart .erl .ex .exs .f90 .go .h .hpp .hs .java .jl .js .jsx .kt .lua .m .ml .mjs "
    ".pas .php .pl .pm .ps1 .py .pyi .r .rb .rs .scala .scss .sh .sql .swift .tcl .ts .tsx .vue .zig".split()
)
_FIRST_HEADING = re.compile(r"^[ ]{0,3}#[ \t]++([^\n]++)", re.MULTILINE)
MAX_TITLE = 300
BINARY = "binary"


class UnreadableError(QuotingError):
    """This is no document; the message says why."""


def syntax_of(suffix: str) -> Syntax:
    """How the structure of a file with this suffix is written."""
    suffix = suffix.lower()
    if suffix in MARKDOWN_SUFFIXES:
        return Syntax.MARKDOWN
    return Syntax.CODE if suffix in CODE_SUFFIXES else Syntax.TEXT


def title_of(text: str, syntax: Syntax) -> str | None:
    """The first heading of a Markdown document."""
    if syntax is not Syntax.MARKDOWN:
        return None
    heading = _FIRST_HEADING.search(text)
    return heading[1].rstrip().rstrip("#").rstrip()[:MAX_TITLE] or None if heading else None


def clean(text: str) -> str:
    """A text without what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
