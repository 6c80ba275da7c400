"""The terms of a text: what its words are found by, the same for a passage and for a question. Pure."""

from __future__ import annotations

from ingest.keywords.languages import Language, detect_language
from ingest.keywords.terms import FREQUENCIES, TERMS_VERSION, Terms, asked_terms, make_terms, matches

__all__ = [
    "FREQUENCIES",
    "TERMS_VERSION",
    "Language",
    "Terms",
    "asked_terms",
    "detect_language",
    "make_terms",
    "matches",
]
