"""What stands on a page of a PDF, and what the whole file says of itself: plain data, sent from process to process."""

from __future__ import annotations

import msgspec

DIVIDED = "\u00ad"  # ends a line whose last word goes on in the next one


class Word(msgspec.Struct, array_like=True):
    """Characters without a gap; positions in points from the upper left corner, `y` that of the baseline."""

    text: str
    x0: float
    x1: float
    y: float
    size: float


class Line(msgspec.Struct, array_like=True):
    """Words of one baseline, in the order in which they are drawn."""

    words: list[Word]
    is_bold: bool = False
    is_mono: bool = False

    @property
    def x0(self) -> float:
        """Where it begins."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """Where it ends."""
        return self.words[-1].x1

    @property
    def y(self) -> float:
        """Its baseline: that of its largest type, so that a raised figure at its beginning moves nothing."""
        return max(self.words, key=lambda word: word.size).y

    @property
    def size(self) -> float:
        """The size of its type: that of most of its characters."""
        counts: dict[float, int] = {}
        for word in self.words:
            counts[word.size] = counts.get(word.size, 0) + len(word.text)
        return max(counts, key=lambda size: (counts[size], size))

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(word.text for word in self.words)


class Row(msgspec.Struct, array_like=True):
    """A line as it is read, without the places of its words.

    `first_width`: how wide its first word is; `letter_width`: a letter of it, where all have one width.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    is_bold: bool = False
    is_mono: bool = False
    first_width: float = 0.0
    letter_width: float = 0.0


class Table(msgspec.Struct, array_like=True):
    """Rows of cells; `is_ruled`: there are lines between them.

    `begins`: of a table that goes on on other pages, the row at which each of these begins, and its number.
    """

    rows: list[list[str]]
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    is_ruled: bool = False
    begins: list[tuple[int, int]] = []


class Rule(msgspec.Struct, array_like=True):
    """A line that is drawn, along the page or down it."""

    x0: float
    x1: float
    y0: float
    y1: float


class Page(msgspec.Struct, array_like=True):
    """A page: what is written on it, in the order of reading.

    `lines` and `tables` are its parts; `order` has of each in turn whether it is a table, and its place among these.
    `problem`: why it could not be read; `comments`: how many there are, which are not.
    """

    number: int
    width: float
    height: float
    lines: list[Row]
    tables: list[Table]
    order: list[tuple[bool, int]]
    is_blank: bool = False
    is_recognised: bool = False
    problem: str | None = None
    comments: int = 0


class Bookmark(msgspec.Struct, array_like=True):
    """An entry of the outline: its title, how deep it is, and the number of the page that it leads to."""

    title: str
    level: int
    page: int | None


class Sketch(msgspec.Struct, array_like=True):
    """What a PDF says of itself."""

    pages: int
    title: str
    attachments: int = 0


class PagesRequest(msgspec.Struct, array_like=True, tag="pages"):
    """Pages of a PDF to be read; `content` is empty where the process has it by its key from before.

    `languages`: those in which pages without text are to be recognised, as tesseract names them; none where empty.
    """

    key: int
    content: bytes
    first: int
    last: int
    languages: str


class ReadPage(msgspec.Struct, array_like=True, tag="page"):
    """A page as a `Page` in msgpack, how many characters it has, and whether a longer time was meant to be taken."""

    sketch: Sketch
    page: bytes
    size: int
    is_slow: bool


class TextRequest(msgspec.Struct, array_like=True, tag="text"):
    """A PDF's pages, of which its text is to be made, in UTF-8 of at most `max_bytes`."""

    key: int
    content: bytes
    pages: list[bytes]
    max_bytes: int
    hint: str
