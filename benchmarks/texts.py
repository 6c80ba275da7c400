"""Texts that nobody wrote for these benchmarks: documentation that is installed on the machine."""

from __future__ import annotations

import gzip
import sysconfig
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ingest.model import Syntax

PACKAGES = (
    "python3-doc (or python3.11-doc), perl-doc, git-doc, nodejs-doc (or nodejs), debian-reference-ja, manpages-ja"
)

_SHARE = Path("/usr/share")
_ENGLISH = (
    "doc/python3*/html/_sources/**/*.txt",
    "perl/**/*.pod",
    "doc/git/**/*.txt",
)
_MARKDOWN = ("doc/nodejs/**/*.md",)
_JAPANESE = ("debian-reference/*.ja.txt.gz", "man/ja/man[1578]/*.gz")


class Text(NamedTuple):
    """A text with its file's name and its syntax."""

    name: str
    text: str
    syntax: Syntax


@cache
def english() -> list[Text]:
    return _read(_SHARE, _ENGLISH, Syntax.TEXT)


@cache
def markdown() -> list[Text]:
    return _read(_SHARE, _MARKDOWN, Syntax.MARKDOWN)


@cache
def japanese() -> list[Text]:
    return _read(_SHARE, _JAPANESE, Syntax.TEXT)


@cache
def code() -> list[Text]:
    return _read(Path(sysconfig.get_path("stdlib")), ("*.py", "asyncio/*.py", "email/*.py"), Syntax.CODE)


def for_files(size: float) -> list[Text]:
    """Different texts of so many megabytes in all, or as many as there are, in order by the hash of their names."""
    library = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    more = [one for root in library for one in _read(root, ("**/*.py",), Syntax.CODE)]
    different = {one.text: one for one in english() + markdown() + japanese() + more}
    chosen, total = [], 0.0
    for one in sorted(different.values(), key=lambda one: sha256(one.name.encode()).digest()):
        if total < size:
            chosen.append(one)
            total += megabytes([one])
    return chosen


def for_edits(count: int = 200, smallest: int = 20_000, largest: int = 120_000) -> list[Text]:
    """Texts of those sizes in bytes, chosen and put in order by the hash of their names."""
    fitting = [one for one in english() + markdown() if smallest <= len(one.text.encode()) <= largest]
    return sorted(fitting, key=lambda one: sha256(one.name.encode()).digest())[:count]


def megabytes(texts: list[Text]) -> float:
    return sum(len(one.text.encode()) for one in texts) / 1e6


def _read(root: Path, patterns: tuple[str, ...], syntax: Syntax) -> list[Text]:
    paths = sorted({path.resolve() for pattern in patterns for path in root.glob(pattern) if path.is_file()})
    found = (Text(str(path.relative_to(root.resolve())), _text(path), syntax) for path in paths)
    return [one for one in found if one.text.strip()]


def _text(path: Path) -> str:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return content.decode("utf-8", "replace").replace("\0", "")
