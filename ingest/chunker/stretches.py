"""A stretch of a text, as a tokenizer is asked to count it."""

from __future__ import annotations

from typing import NamedTuple


class Stretch(NamedTuple):
    """A stretch of a text, as code-point offsets, and what is put before it: one input of a model."""

    prefix: str
    start: int
    end: int

    def of(self, text: str) -> str:
        """The input itself."""
        return self.prefix + text[self.start : self.end]
