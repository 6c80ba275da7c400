"""Made-up documentation, as much as is wanted: the same for the same seed, streamed to files."""

from __future__ import annotations

import random
import re
from functools import cache
from pydoc_data.topics import topics
from typing import TYPE_CHECKING

from ingest.chunker import chunk, tokenizer
from ingest.model import Syntax

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE_BYTES = 4_000_000
_PHRASE_WORDS = 7


def write_chunks(folder: Path, count: int, max_tokens: int) -> int:
    """Write Markdown files of 4 MB that make about so many chunks; their bytes in all."""
    folder.mkdir()
    sample = "".join(text for text, _ in zip(sections(0), range(500), strict=False))
    chunks = chunk(sample, tokenizer=tokenizer("cl100k_base"), max_tokens=max_tokens, syntax=Syntax.MARKDOWN)
    wanted = count * len(sample.encode()) // len(chunks)
    written = 0
    for number in range(-(-wanted // _FILE_BYTES)):
        size = 0
        with (folder / f"{number:06}.md").open("wb") as file:
            for text in sections(number):
                size += file.write(text.encode())
                if size >= _FILE_BYTES or written + size >= wanted:
                    break
        written += size
    return written


def sections(seed: int) -> Iterator[str]:
    """Headings with paragraphs under them, without end: phrases of Python's own reference, put together by chance."""
    chance = random.Random(seed)
    for number in range(1, 1_000_000_000):
        depth = chance.choice((2, 2, 3, 3, 3, 4))
        paragraphs = (_paragraph(chance) for _ in range(chance.randint(1, 6)))
        yield f"{'#' * depth} {number} {chance.choice(_phrases()).title()}\n\n" + "\n\n".join(paragraphs) + "\n\n"


def _paragraph(chance: random.Random) -> str:
    sentences = (
        " ".join(chance.choices(_phrases(), k=chance.randint(1, 4))).capitalize() for _ in range(chance.randint(2, 8))
    )
    return ". ".join(sentences) + "."


@cache
def _phrases() -> list[str]:
    words = re.findall(r"[A-Za-z][\w'-]*,?", " ".join(topics[name] for name in sorted(topics)))
    return [" ".join(words[at : at + _PHRASE_WORDS]) for at in range(0, len(words), 3)]
