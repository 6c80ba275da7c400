"""Questions drafted from headings: a heading asks for what stands below it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ingest.evaluation.questions import Question
from ingest.evaluation.texts import solid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MARKDOWN = re.compile(r"#{1,6} ++(?P<title>[^\n]{1,300})\n")
_RULE = re.compile(r"[^\w\n]{3,}+\n")  # that underlines a heading
_MARKS = re.compile(r"[`*]|^[\d.]{1,20} +|^#{1,6} +")
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\([^()\n]{0,300}\)")
_DENSE = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")  # a sign says as much as a word or half of one
_SHORTEST, _LONGEST = 60, 500  # characters of an excerpt


class Sampled(NamedTuple):
    """A passage of a document, with the one before it."""

    uri: str
    title: str
    headings: Sequence[str]
    content: str
    before_content: str | None
    before_headings: Sequence[str] | None


def draft_questions(sampled: Iterable[Sampled], most: int) -> list[Question]:
    """So many questions at most, none twice: of headings; where these are too few, of titles, for their documents."""
    by_words: dict[str, Question] = {}
    titles: dict[str, str] = {}
    for each in sampled:
        if (title := _plain(each.title)) and _is_telling(title):
            titles.setdefault(title, each.uri)
        for words, excerpt in _sections(each):
            by_words.setdefault(words, Question(words, (each.uri,), (excerpt,)))
        if len(by_words) >= most:
            break
    for title, uri in titles.items():
        if len(by_words) < most:
            by_words.setdefault(title, Question(title, (uri,)))
    return list(by_words.values())[:most]


def _sections(each: Sampled) -> Iterator[tuple[str, str]]:
    """What the headings in or before a passage ask, and the beginning of what stands below them."""
    if written := _MARKDOWN.match(each.content.lstrip()):
        yield from _asked([*each.headings, written["title"]], each.content.lstrip()[written.end() :])
    elif each.before_content and each.headings and each.headings[-1] not in (each.before_headings or ()):
        # So it stands in the one before.
        _, heading, below = each.before_content.rpartition(each.headings[-1])
        if heading:
            rest = below.partition("\n")[2]
            rule = _RULE.match(rest)
            yield from _asked(each.headings, rest[rule.end() :] if rule else rest)


def _asked(headings: Sequence[str], body: str) -> Iterator[tuple[str, str]]:
    words = _plain(headings[-1])
    if not _is_telling(words) and len(headings) > 1:
        words = f"{_plain(headings[-2])}: {words}"
    excerpt = _beginning(body.strip())
    if words and _is_telling(words) and excerpt:
        yield words, excerpt


def _beginning(body: str) -> str | None:
    """The first paragraphs of a text, or as many sentences of the first; None where there is too little."""
    end = 0
    for paragraph in re.finditer(r"\n[ \t]{0,20}\n|\Z", body):
        if paragraph.start() > _LONGEST:
            break
        end = paragraph.start()
        if end >= _SHORTEST:
            break
    if end < _SHORTEST:
        sentences = [match.end() for match in re.finditer(r"[.!?](?=\s)|[。!?]", body[:_LONGEST])]
        end = max(sentences, default=0)
    return body[:end] if len(solid(body[:end])) >= _SHORTEST // 2 and end >= _SHORTEST // 2 else None


def _plain(heading: str) -> str:
    """A heading's words, without marks and numbers."""
    return " ".join(_MARKS.sub("", _MARKS.sub("", _LINK.sub(r"\1", heading.strip()))).split())


def _is_telling(words: str) -> bool:
    """Whether words say enough to be a question."""
    return len(words.split()) >= 2 or len(_DENSE.findall(words)) >= 4
