"""Languages: which one a text is in, what its stop words are, and the stem of a word, by Snowball."""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

Language: TypeAlias = Literal[
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "czech",
    "danish",
    "dutch",
    "english",
    "esperanto",
    "estonian",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "persian",
    "polish",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
]
"""Whose stems Snowball knows; those below are told from one another, the others when they are named."""
DEFAULT = "english"  # where nothing says otherwise; and of Latin words in texts of another script
# With stop words, by which a text in Latin letters is known: those of Snowball that PostgreSQL has, too.
_LATIN = (
    *("english", "french", "german", "spanish", "italian", "portuguese", "dutch", "swedish", "norwegian", "danish"),
    *("finnish", "hungarian", "turkish"),
)
_SCRIPTS = {
    "russian": re.compile(r"[\u0400-\u04ff]"),
    "greek": re.compile(r"[\u0370-\u03ff]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "armenian": re.compile(r"[\u0530-\u058f]"),
    "hindi": re.compile(r"[\u0900-\u097f]"),
    "tamil": re.compile(r"[\u0b80-\u0bff]"),
}
_OTHER_SCRIPTS = {*_SCRIPTS, "nepali", "persian", "yiddish"}
_WITH_STOP_WORDS = {*_LATIN, "russian"}

_WORD = re.compile(r"[^\W\d_]{2}[^\W\d_]*+")  # single letters are words in many languages, and names in all
_LOOKED_AT = 20_000  # characters of a document
_ENOUGH = 3  # stop words
_SHARE = 0.1  # of all words
_LONGEST = 64  # characters of a word that is stemmed

_local = threading.local()  # a stemmer is for one thread


def detect_language(text: str) -> str:
    """The language of a text, by its letters and its stop words; English where they do not tell."""
    sample = text[:_LOOKED_AT]
    words = Counter(_WORD.findall(sample.lower()))
    if not sample.isascii():
        letters = sum(len(word) * count for word, count in words.items())
        for language, script in _SCRIPTS.items():
            if 2 * len(script.findall(sample)) > letters:
                return language
    whose = _latin_stop_words()
    hits: Counter[str] = Counter()
    for word in words.keys() & whose.keys():  # 0.6 of the time of looking for each in each language, in short texts
        for language in whose[word]:
            hits[language] += words[word]
    best = max(_LATIN, key=hits.__getitem__)
    return best if hits[best] >= max(_ENOUGH, _SHARE * words.total()) else DEFAULT


def nearest_language(text: str, languages: tuple[str, ...]) -> str:
    """Which of these languages a question, which is short, seems to be in: most of its words are stop words there."""
    words = Counter(_WORD.findall(text.lower()))
    return max(languages, key=lambda language: _stop_words_in(words, language))


def _stop_words_in(words: Counter[str], language: str) -> int:
    stops = stop_words(language)
    return sum(count for word, count in words.items() if word in stops)


@cache
def _latin_stop_words() -> dict[str, list[str]]:
    """Of each stop word of the languages in Latin letters, which have it."""
    whose: dict[str, list[str]] = {}
    for language in _LATIN:
        for word in stop_words(language):
            whose.setdefault(word, []).append(language)
    return whose


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words that say nothing, in small letters; of some languages none are known."""
    if language not in _WITH_STOP_WORDS:
        return frozenset()
    file = resources.files("ingest") / "data" / "stop_words" / f"{language}.txt"
    return frozenset(file.read_text("utf-8").split())


def stem(word: str, language: str) -> str:
    """What a word, in small letters, has in common with its other forms."""
    if len(word) > _LONGEST:
        return word
    if language in _OTHER_SCRIPTS and word.isascii():
        language = DEFAULT
    stemmers = _local.__dict__
    if language not in stemmers:
        import Stemmer

        stemmers[language] = Stemmer.Stemmer(language)
    stemmed: str = stemmers[language].stemWord(word)
    return stemmed
