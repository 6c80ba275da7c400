"""OpenAI's cl100k_base: tiktoken is the authority, toktok counts the same ten times faster, where it is there.

The vocabulary is tiktoken's own file, in this package: no network is used. NOTICE has its licence.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64decode
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import tiktoken

    from ingest.chunker.stretches import Stretch

# As tiktoken publishes it (tiktoken_ext/openai_public.py).
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"

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


class Counter(Protocol):
    """What counts: toktok, or tiktoken itself."""

    def count(self, text: str) -> int:
        """Tokens of a text."""

    def ids(self, text: str) -> np.ndarray:
        """The tokens of a text."""

    def tokens(self) -> Sequence[bytes]:
        """The bytes of each token, by its number."""


class Toktok:
    """toktok, by a private function, because it keeps its public surface small: so it is pinned to one minor version.

    The tests hold it to tiktoken's ids.

    Raises:
        ImportError, AttributeError: it is not there, or not as we know it.
    """

    def __init__(self) -> None:
        import toktok

        self._fast = toktok._encoding("cl100k_base")  # noqa: SLF001 see above
        self.count = self._fast.count

    def ids(self, text: str) -> np.ndarray:
        """The tokens of a text."""
        ids: np.ndarray = self._fast.encode_to_numpy(text, disallowed_special=())
        return ids

    def tokens(self) -> Sequence[bytes]:
        """The bytes of each token, by its number."""
        tokens: Sequence[bytes] = self._fast.token_byte_values()
        return tokens


class Tiktoken:
    """tiktoken, a piece of a long text after the other."""

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return sum(len(cl100k_authority().encode_ordinary(piece)) for piece in _pieces(text))

    def ids(self, text: str) -> np.ndarray:
        """The tokens of a text."""
        import numpy as np

        pieces = [cl100k_authority().encode_ordinary(piece) for piece in _pieces(text)]
        return np.array([number for piece in pieces for number in piece], np.uint32)

    def tokens(self) -> Sequence[bytes]:
        """The bytes of each token, by its number."""
        return list(_ranks())


def counter() -> Counter:
    """The fastest that is installed; all of them count alike."""
    try:
        return Toktok()
    except (ImportError, AttributeError):  # no wheel for this platform, or one that was changed inside
        return Tiktoken()


class Cl100k:
    """A `Tokenizer`: counts what OpenAI's embedding models see of a text."""

    name = "cl100k_base"
    overhead = 0

    def __init__(self, fast: Counter) -> None:
        import numpy as np

        self._fast = fast
        self._count_tail = lru_cache(maxsize=4096)(fast.count)  # full stops, mostly
        tokens = fast.tokens()
        begins = (np.frombuffer(b"".join(tokens), np.uint8) & 0xC0) != 0x80  # a character, at each byte
        starts = np.cumsum([0, *map(len, tokens[:-1])])
        # Of each token: how many characters begin in it, and whether it begins inside one.
        self._characters = np.add.reduceat(begins, starts, dtype=np.uint8)
        self._begins_inside = ~begins[starts]

    def count(self, text: str) -> int:
        """Tokens of one input."""
        if self._needs_the_authority(text):
            return len(cl100k_authority().encode_ordinary(text))
        return int(self._fast.count(text))

    def token_ends(self, text: str) -> np.ndarray:
        """Where each token of the text ends, as code-point offsets, never falling. (n,) int64."""
        ids = self._fast.ids(text)
        ends: np.ndarray = self._characters.take(ids).cumsum(dtype="int64")
        if not text.isascii():  # a token may end inside a character: it ends, then, where the last whole one does
            ends[:-1] -= self._begins_inside.take(ids[1:])
        return ends

    def count_stretches(self, text: str, token_ends: np.ndarray, stretches: Sequence[Stretch]) -> list[int]:
        """Between its first seam and its last a stretch has the text's own tokens: only its edges are counted anew."""
        import numpy as np

        if any(map(self._has_classed_differently, {text, *(stretch.prefix for stretch in stretches)})):
            return [self.count(stretch.of(text)) for stretch in stretches]
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
    """The cl100k_base of tiktoken, built from the vocabulary in this package.

    Raises:
        UsageError: the vocabulary is not the one tiktoken publishes.
    """
    import tiktoken

    return tiktoken.Encoding(
        name="cl100k_base",
        # The pattern and the special tokens are those of tiktoken_ext.openai_public.
        pat_str=r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        mergeable_ranks=_ranks(),
        special_tokens={},
    )


def cl100k_vocabulary() -> bytes:
    """Tiktoken's file, cl100k_base.tiktoken.

    Raises:
        UsageError: it is not the one that tiktoken publishes.
    """
    file = resources.files("ingest") / "data" / "cl100k_base.tiktoken.gz"
    return checked(gzip.decompress(file.read_bytes()), _SHA256, str(file))


def checked(vocabulary: bytes, expected_sha256: str, where: str) -> bytes:
    """A vocabulary, if it is the published one.

    Raises:
        UsageError: it is not.
    """
    if sha256(vocabulary).hexdigest() != expected_sha256:
        raise UsageError(f"{where} is not the published vocabulary (its SHA-256 differs): reinstall the package.")
    return vocabulary


def _ranks() -> dict[bytes, int]:
    """The number of each token, in their order."""
    pairs = (line.split() for line in cl100k_vocabulary().splitlines())
    return {b64decode(token): int(rank) for token, rank in pairs}


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that tiktoken can bear, parted where its tokens are, or else anywhere."""
    start = 0
    while len(text) - start > _LONGEST_FOR_TIKTOKEN:
        seam = _LAST_SEAM.match(text, start, start + _LONGEST_FOR_TIKTOKEN)
        end = seam.end() if seam else start + _LONGEST_FOR_TIKTOKEN
        yield text[start:end]
        start = end
    yield text[start:]
