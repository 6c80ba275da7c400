"""How whole real files of many formats are read, side by side: `python -m benchmarks fidelity`."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fidelity_files import Real, real_files
from benchmarks.readers import Read, read_all
from benchmarks.tables import Table, show
from ingest.chunker import tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("kreuzberg", "html-to-markdown", "lxml", "pypdfium2")
FOLDER = Path(os.environ.get("INGEST_REAL_FILES", "real-files"))
_PEERS = ("markitdown", "docling")
_EXTRACTORS = ("trafilatura", "readability")
_FEWEST_WORDS = 8
# A character of a script that puts no blanks between words is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")


def words(text: str) -> Counter[str]:
    """The words of a text, in lower case, without the marks of Markdown, soft hyphens and targets of links."""
    text = re.sub(r"\]\([^)\s]*(?: \"[^\"]*\")?\)", "]", text.replace("\u00ad", ""))
    return Counter(_WORD.findall(text.lower()))


class Score:
    """Of the files of a format: words kept, tokens of words that are not there, seconds, and how many were not read."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.noise = self.tokens = self.unread = 0
        self.seconds = self.megabytes = 0.0

    def add(self, read: Read, expected: Counter[str], size: int) -> None:
        if read.text is None:
            self.unread += 1
            self.shares.append(0.0)
            return
        found = words(read.text)
        self.shares.append((found & expected).total() / expected.total())
        surplus = " ".join((found - expected).elements())
        self.noise += tokenizer("cl100k_base").count(surplus)
        self.tokens += tokenizer("cl100k_base").count(read.text)
        self.seconds += read.seconds
        self.megabytes += size / 1e6

    def cells(self) -> tuple[str, ...]:
        if self.unread == len(self.shares):
            return ("not read", "", "")
        kept = f"{100 * sum(self.shares) / len(self.shares):.1f} %"
        unread = f" ({self.unread} not read)" if self.unread else ""
        return (
            kept + unread,
            f"{100 * self.noise / max(self.tokens, 1):.1f} %",
            f"{self.seconds / self.megabytes:.2f}",
        )


def tables() -> Iterator[Table]:
    """By format; and of pages of HTML, what extractors of the main text keep."""
    expected = {real: counted for real in real_files(FOLDER) if (counted := _reference(real)).total() >= _FEWEST_WORDS}
    if not expected:
        print(f"No files: python -m benchmarks.fidelity_files {FOLDER}")
        return
    formats = Counter(real.format for real in expected)
    readers = ("ours", *_PEERS)
    yield _table(
        f"Real files: {len(expected)} of {len(formats)} formats; words kept, tokens of noise, seconds a megabyte",
        readers,
        expected,
    )
    pages = {real: counted for real, counted in expected.items() if real.format.startswith("HTML")}
    yield _table(f"The main text of {len(pages)} pages of HTML", ("ours", *_EXTRACTORS), pages)


def _reference(real: Real) -> Counter[str]:
    try:
        return words(real.reference(real.path))
    except (ImportError, OSError, LookupError, ValueError) as error:
        print(f"{real.path.name}: no reference ({type(error).__name__}: {error})")
        return Counter()


def _table(title: str, readers: tuple[str, ...], expected: dict[Real, Counter[str]]) -> Table:
    read = {name: answers for name in readers if (answers := read_all(name, [real.path for real in expected]))}
    scores: dict[str, dict[str, Score]] = defaultdict(lambda: defaultdict(Score))
    for real, counted in expected.items():
        for name, answers in read.items():
            for row in (real.format, "all"):
                scores[row][name].add(answers[real.path], counted, real.path.stat().st_size)
    counts = Counter(real.format for real in expected)
    rows = [
        (row, str(counts.get(row, len(expected))), *(cell for name in read for cell in scores[row][name].cells()))
        for row in [*counts, "all"]
    ]
    head = ("", "files", *(f"{name}: {what}" for name in read for what in ("kept", "noise", "s/MB")))
    return Table(title, head, rows)


if __name__ == "__main__":
    show(tables())
