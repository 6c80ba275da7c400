"""Token counts, by the tokenizer each model uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class Tokenizer(Protocol):
    """Counts what a model sees of a text."""

    name: str
    overhead: int
    """Tokens the model adds to every input itself (BERT's [CLS] and [SEP]: 2); `count` includes them."""

    def count(self, text: str) -> int:
        """Tokens of one input, the model's own included."""

    def count_batch(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text, in order."""

    def token_ends(self, text: str) -> np.ndarray:
        """Where each token of the text ends, as code-point offsets, never falling. (n,) int64."""
