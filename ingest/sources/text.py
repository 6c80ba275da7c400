"""Bytes to text: what is text, in which encoding, with what structure."""

from __future__ import annotations

import codecs
import re

from ingest.errors import QuotingError
from ingest.model import Syntax

_SNIFFED_BYTES = 8192  # git looks at as many for a NUL
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd"})
CODE_SUFFIXES = frozenset(
    ".bash .c .cc .clj .cpp .cs .css .dart .erl .ex .exs .f90 .go .h .hpp .hs .java .jl .js .jsx .kt .lua .m .ml .mjs "
    ".pas .php .pl .pm .ps1 .py .pyi .r .rb .rs .scala .scss .sh .sql .swift .tcl .ts .tsx .vue .zig".split()
)
_FIRST_HEADING = re.compile(r"^[ ]{0,3}#[ \t]++([^\n]++)", re.MULTILINE)
MAX_TITLE = 300
BINARY = "binary"
# Python's own, which no document is written in; punycode takes quadratic time.
_NO_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}


class UnreadableError(QuotingError):
    """This is no document; the message says why."""


def decode(content: bytes) -> str:
    """The text of a file, without NUL; what is not UTF-8 is replaced by U+FFFD.

    Raises:
        UnreadableError: it is binary.
    """
    for bom, encoding in BOMS:
        if content.startswith(bom):
            return _without_nul(content.decode(encoding, errors="replace"))
    if b"\0" in content[:_SNIFFED_BYTES]:
        raise UnreadableError(BINARY)
    return _without_nul(content.decode("utf-8", errors="replace"))


def decode_as(content: bytes, encoding: str) -> str | None:
    """The text of a file in the encoding that it names, by whatever name; None where there is none by it."""
    try:
        name = codecs.lookup(encoding).name
        return None if name in _NO_ENCODINGS else content.decode(name, errors="replace")
    except (LookupError, ValueError):
        return None


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
    return _without_nul(text.encode(errors="replace").decode())


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")
