"""Text: with what structure, and what cannot be stored of it."""

from __future__ import annotations

from ingest.errors import QuotingError
from ingest.model import Syntax

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd"})
CODE_SUFFIXES = frozenset(
    ".bash .c .cc .clj .cpp .cs .css .dart .erl .ex .exs .f90 .go .h .hpp .hs .java .jl .js .jsx .kt .lua .m .ml .mjs "
    ".pas .php .pl .pm .ps1 .py .pyi .r .rb .rs .scala .scss .sh .swift .tcl .ts .tsx .vue .zig".split()
)
_SYNTAXES = {
    **dict.fromkeys(MARKDOWN_SUFFIXES, Syntax.MARKDOWN),
    **dict.fromkeys(CODE_SUFFIXES, Syntax.CODE),
    **dict.fromkeys((".adoc", ".asciidoc"), Syntax.ASCIIDOC),
    ".org": Syntax.ORG,
    **dict.fromkeys((".tex", ".ltx", ".latex"), Syntax.LATEX),
    **dict.fromkeys((".mediawiki", ".wiki", ".wikitext"), Syntax.MEDIAWIKI),
    ".typ": Syntax.TYPST,
    **dict.fromkeys((".json", ".geojson", ".jsonc", ".json5"), Syntax.JSON),
    **dict.fromkeys((".yaml", ".yml"), Syntax.YAML),
    ".sql": Syntax.SQL,
    ".log": Syntax.LOG,
}
BINARY = "binary"


class UnreadableError(QuotingError):
    """This is no document; the message says why."""


def syntax_of(suffix: str) -> Syntax:
    """How the structure of a file with this suffix is written."""
    return _SYNTAXES.get(suffix.lower(), Syntax.TEXT)


def clean(text: str) -> str:
    """A text without what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
