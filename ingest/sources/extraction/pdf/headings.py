"""The headings of a PDF, by its outline or else by the size of their type, and its title. Pure."""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.sources.extraction.pdf.pages import Bookmark, Page, Row, Sketch

_DEEPEST = 6
_LONGEST = 160
_MOST_LINES = 3
_LARGER = 1.12
_TRUSTED = 0.4  # of the outline's entries that are found on their pages
_NO_WORDS = re.compile(r"[\W_]+")
_NUMBERED = re.compile(
    r"(?:(?i:chapter|part|appendix|section|kapitel|chapitre|teil)\s)?+\s*+"
    r"(?:(?:\d{1,3}|[A-Z])(?:\.\d{1,3}){0,6}|[IVX]{1,5})[.:)]?+\s++"
)
_BULLET = re.compile(r"[•◦▪■●○‣⁃∙·*–—-]\s|\(?(?:\d{1,2}|[a-z])\)\s")
_TEMPLATE = re.compile(
    r"(?:microsoft (?:word|powerpoint|excel)\b.*|powerpoint[- ]pr.*|untitled.*|\(?(?:anonymous|unspecified)\)?|titel|"
    r"title|no title|template|document\d*|dokument\d*|slide \d+|presentation\d*|folie \d+|unknown|none|null|cover|"
    r"layout \d+|unbenannt.*|sans titre.*|sin título.*|senza titolo.*|無題.*|スライド.*|https?:.*|print|blank|[\d\W_]*|"
    r".*\.(?:docx?|dvi|tex|indd|qxd|pptx?|xlsx?|pdf|ps|odt|rtf|fm|book|pub|cdr|ai|html?|md|p65|pmd|wpd|txt))",
    re.IGNORECASE | re.DOTALL,
)


def words_of(text: str) -> str:
    """What of a text its letters and figures are."""
    return _NO_WORDS.sub("", text.casefold())


def body_size(pages: Sequence[Page]) -> float:
    """The size of most of the type."""
    counts: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            counts[line.size] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 10.0


def headings(outline: Sequence[Bookmark], pages: Mapping[int, Sequence[Row]], body: float) -> dict[int, int]:
    """The level of each line that is a heading, or the first of one of several lines, by its `id`.

    `pages`: the lines of each page by its number, without what runs through them.
    """
    if outline:
        found, share = _by_outline(outline, pages)
        if share >= _TRUSTED and found:
            return found
    return _by_type(pages, body)


def _by_outline(outline: Sequence[Bookmark], pages: Mapping[int, Sequence[Row]]) -> tuple[dict[int, int], float]:
    places: dict[int, dict[str, deque[tuple[int, int]]]] = {}
    used: dict[int, set[int]] = {}
    found: dict[int, int] = {}
    matched = wanted = 0
    for bookmark in outline:
        if bookmark.page is None:
            continue
        wanted += 1
        for number in (bookmark.page, bookmark.page + 1):
            if number not in pages:
                continue
            if number not in places:
                places[number] = _runs(pages[number])
            run = _match(places[number], bookmark.title, used.setdefault(number, set()))
            if run:
                used[number].update(run)
                found.update((id(pages[number][index]), min(bookmark.level + 1, _DEEPEST)) for index in run)
                matched += 1
                break
    return found, matched / wanted if wanted else 0.0


def _runs(lines: Sequence[Row]) -> dict[str, deque[tuple[int, int]]]:
    """One line or a few after one another by their words, with the number before them and without it."""
    found: dict[str, deque[tuple[int, int]]] = {}
    for first in range(len(lines)):
        text = ""
        for count in range(1, min(_MOST_LINES, len(lines) - first) + 1):
            text = f"{text} {lines[first + count - 1].text}".strip()
            if len(text) > 2 * _LONGEST:
                break
            for key in _keys(text):
                found.setdefault(key, deque()).append((first, count))
    return found


def _keys(title: str) -> list[str]:
    number = _NUMBERED.match(title)
    return [key for key in (words_of(title), words_of(title[number.end() :]) if number else "") if key]


def _match(runs: Mapping[str, deque[tuple[int, int]]], title: str, used: set[int]) -> range | None:
    """The lines that are this title, and are no other's; each is looked at once."""
    for key in _keys(title):
        places = runs.get(key)
        while places:
            first, count = places.popleft()
            if used.isdisjoint(range(first, first + count)):
                return range(first, first + count)
    return None


def _by_type(pages: Mapping[int, Sequence[Row]], body: float) -> dict[int, int]:
    candidates: list[Row] = []
    for lines in pages.values():
        for index, line in enumerate(lines):
            before = lines[index - 1] if index else None
            after = lines[index + 1] if index + 1 < len(lines) else None
            if _is_heading(line, before, after, body):
                candidates.append(line)
    texts = Counter(line.text for line in candidates)
    seldom = max(2, len(pages) // 10)
    candidates = [line for line in candidates if texts[line.text] <= seldom or line.size > 1.3 * body]
    styles = sorted({_style(line) for line in candidates}, reverse=True)
    levels = {style: min(level, _DEEPEST) for level, style in enumerate(_apart(styles), 1)}
    merged = {style: levels[next(kept for kept in levels if _is_close(kept, style))] for style in styles}
    return {id(line): merged[_style(line)] for line in candidates}


def _style(line: Row) -> tuple[float, bool]:
    return round(line.size * 2) / 2, line.is_bold


def _is_close(one: tuple[float, bool], other: tuple[float, bool]) -> bool:
    return one == other or (abs(one[0] - other[0]) < 0.6 and one[1] == other[1])


def _apart(styles: Sequence[tuple[float, bool]]) -> list[tuple[float, bool]]:
    kept: list[tuple[float, bool]] = []
    for style in styles:
        if not any(_is_close(other, style) for other in kept):
            kept.append(style)
    return kept


def _is_heading(line: Row, before: Row | None, after: Row | None, body: float) -> bool:
    text = line.text
    if not 1 < len(text) <= _LONGEST or line.is_mono or text.endswith((":", ";", ",")) or _BULLET.match(text):
        return False
    if sum(sign.isalpha() for sign in text) < 0.4 * len(text.replace(" ", "")):
        return False
    if line.size >= _LARGER * body:
        return True
    if not line.is_bold or line.size < 0.95 * body or len(text) > 100 or text.endswith("."):
        return False
    # Bold type of the size of the text is a heading where it stands alone: not in a paragraph, not in a bold one.
    gap = line.y - before.y if before else 10 * body
    is_apart = not 0 < gap < 1.35 * body or (before is not None and not before.is_bold and gap > 1.25 * body)
    goes_on = after is not None and after.is_bold and 0 < after.y - line.y < 1.35 * body
    return is_apart and not goes_on


def title_of(sketch: Sketch, pages: Sequence[Page], body: float) -> str | None:
    """What the file says, unless it is the name of a template; else what stands largest on its first page."""
    largest = _largest(pages[0], body) if pages else None
    said = sketch.title
    if not said or _TEMPLATE.fullmatch(said):
        return largest
    start = words_of(" ".join(line.text for page in pages[:3] for line in page.lines))
    return said if largest is None or words_of(said) in start else largest


def _largest(page: Page, body: float) -> str | None:
    lines = [line for line in page.lines if not line.is_mono and any(sign.isalpha() for sign in line.text)]
    if not lines:
        return None
    size = max(line.size for line in lines)
    if size < _LARGER * body:
        return None
    first = next(index for index, line in enumerate(lines) if line.size == size)
    words = []
    for line in lines[first : first + _MOST_LINES]:
        if line.size < 0.97 * size:
            break
        words.append(line.text)
    text = " ".join(words)
    return text if len(text) <= 2 * _LONGEST and sum(map(str.isalpha, text)) > 1 else None
