"""The terms of a text: what its words are found by, the same for a passage and for a question. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.keywords.languages import Language, detect_language
    from ingest.keywords.terms import FREQUENCIES, TERMS_VERSION, Terms, asked_terms, make_terms, matches
else:
    __getattr__ = on_demand(__name__)

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
