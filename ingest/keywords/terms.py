"""Terms: words by their stems, names and versions whole and in parts, pairs of letters where no blank parts words.

A term is 28 bits of its hash; a key, an int4, is these and 3 bits for how often the passage has it. A change of what
the terms of a text are raises `TERMS_VERSION`: terms of two versions are never compared.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ingest.keywords.languages import detect_language, nearest_language, stem, stop_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import regex

TERMS_VERSION = 1
_BEGINS = (1, 2, 3, 4, 5, 7, 10, 16)  # of each bucket of frequencies
_MOST = _BEGINS[-1]
_BUCKETS = tuple(max(bisect_right(_BEGINS, count) - 1, 0) for count in range(_MOST + 1))  # by the frequency
FREQUENCIES = (1.0, 2.0, 3.0, 4.0, 5.5, 8.0, 12.0, 20.0)
"""How often a passage is taken to have a term, by the last 3 bits of its key."""
_BITS = 3
_HASH_MASK = (1 << 28) - 1

_TOKEN = re.compile(r"\w++(?:[.\-]\w++)*+", re.ASCII)
_NUMBERS = re.compile(r"v?(\d++(?:\.\d++)++)", re.ASCII)
_PIECE = re.compile(r"[^._\-]++")
_CASED = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]++|\d++", re.ASCII)  # HTTPServer: HTTP, which gives the S back
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]")
# Thai, Lao, Myanmar, Khmer; kana, Han and Hangul: written without blanks, or with endings that no stemmer here cuts.
_UNSPACED = re.compile(
    r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]++)"
)
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]++")
_LONGEST = 255  # characters of a token whose parts are looked at
_KEPT = 1 << 16  # tokens, with their terms


class Terms(NamedTuple):
    """The terms of a passage: its keys, and how many terms it has, each as often as it is there."""

    keys: tuple[int, ...]
    length: int


def make_terms(text: str, language: str) -> Terms:
    """The terms of a text in a language."""
    known = _known_words(language)
    counts = Counter(chain.from_iterable(map(known.__getitem__, _tokens(text))))
    if len(known) > _KEPT:
        known.clear()
    keys = [term | _BUCKETS[min(_MOST, count)] for term, count in counts.items()]
    return Terms(tuple(keys), counts.total())


def asked_terms(text: str, languages: Sequence[str]) -> list[tuple[int, ...]]:
    """The terms of a question, each once: what it is called in each of these languages, as keys without frequency."""
    stops = stop_words(nearest_language(text, tuple(languages)))
    forms = dict.fromkeys(chain.from_iterable(_forms(token) for token in _tokens(text)))
    asked = []
    for form, is_word in forms:
        if is_word and form in stops:
            continue
        names = {name for language in languages if (name := _name(form, is_word, language)) is not None}
        asked.append(tuple(sorted(_key(name) for name in names)))
    return list(dict.fromkeys(keys for keys in asked if keys))


def matches(text: str, question: str) -> list[tuple[int, int]]:
    """Where a text has words of a question, in any of their forms, in order: where each begins and ends."""
    language = detect_language(text)
    asked = set(chain.from_iterable(asked_terms(question, (language,))))
    known, found = _known_words(language), []
    for token in (_TOKEN if text.isascii() else _token_of_any()).finditer(text):
        words = unicodedata.normalize("NFKC", token[0])
        if words == token[0] and _UNSPACED.search(words):
            for run in _UNSPACED.finditer(words):
                at = token.start() + run.start()
                found += [
                    (at + place, at + place + len(pair))
                    for place, pair in enumerate(_pairs(run[0]))
                    if _key(pair) in asked
                ]
        elif not asked.isdisjoint(known[words]):
            found.append(token.span())
    return found


def _tokens(text: str) -> list[str]:
    if text.isascii():
        return _TOKEN.findall(text)
    tokens: list[str] = _token_of_any().findall(unicodedata.normalize("NFKC", text))
    return tokens


@cache
def _token_of_any() -> regex.Pattern[str]:
    import regex  # slow to import; its \w has the marks without which words of Thai and Hindi fall apart

    return regex.compile(r"\w++(?:[.\-]\w++)*+")


class _Words(dict[str, tuple[int, ...]]):
    """What tokens are found by in a language, as keys without frequency; each is looked at once."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __missing__(self, token: str) -> tuple[int, ...]:
        names = (_name(form, is_word, self._language) for form, is_word in _forms(token))
        keys = self[token] = tuple(_key(name) for name in names if name is not None)
        return keys


@cache
def _known_words(language: str) -> _Words:
    return _Words(language)


def _key(name: str) -> int:
    return (crc32(name.encode("utf-8", "surrogatepass")) & _HASH_MASK) << _BITS


def _name(form: str, is_word: bool, language: str) -> str | None:
    """What a form is called in a language; None: it is a stop word there."""
    if not is_word:
        return form
    if form in stop_words(language):
        return None
    stemmed = stem(form, language)
    if stemmed.isascii():
        return stemmed
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", stemmed)))


def _forms(token: str) -> Iterator[tuple[str, bool]]:
    """What a token is found by, in small letters; and whether that is a word, which has a stem."""
    if numbers := _NUMBERS.fullmatch(token):
        whole = numbers[1]
        yield whole, False
        if whole.count(".") > 1:
            yield ".".join(whole.split(".")[:2]), False
        return
    pieces = _PIECE.findall(token) if len(token) <= _LONGEST else [token]
    if len(pieces) > 1 and not _UNSPACED.search(token):
        yield token.strip("_").casefold(), False
    for piece in pieces:
        for index, run in enumerate([piece] if piece.isascii() else _UNSPACED.split(piece)):
            if index % 2:
                yield from ((pair, False) for pair in _pairs(run))
            elif run:
                yield run.casefold(), True
                if _CAMEL.search(run):
                    yield from ((part.casefold(), True) for part in _CASED.findall(run))


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
