"""How many chunks of a document must be embedded again after an edit: `python -m benchmarks.edits`."""

from __future__ import annotations

import random
import re
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks import peers, texts
from benchmarks.tables import Table, show
from ingest.chunker import chunk, tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.texts import Text

VERSIONS = peers.VERSIONS
LIMIT = 512
_SENTENCE = " This sentence was put in later, to see how many of the passages must be embedded again after it."


def insert_sentence(text: str) -> str:
    """A sentence after the first that ends 400 characters or more into the text."""
    end = re.compile(r"[a-z]\.(?=\s)").search(text, 400)
    at = end.end() if end else 400
    return text[:at] + _SENTENCE + text[at:]


def delete_paragraph(text: str) -> str:
    """A paragraph in the middle goes."""
    start, end = _paragraph(text, len(text) // 2)
    return text[:start] + text[end:]


def move_paragraph(text: str) -> str:
    """A paragraph from two thirds on moves to one third."""
    start, end = _paragraph(text, len(text) * 2 // 3)
    at, _ = _paragraph(text, len(text) // 3)
    return text[:at] + text[start:end] + text[at:start] + text[end:]


def rename_heading(text: str) -> str:
    """The first heading of the second depth gets another name."""
    return re.sub(r"^(## .*|.+(?=\n-{4,}\n))", r"\1, renamed", text, count=1, flags=re.MULTILINE)


def scatter_typos(text: str) -> str:
    """Two letters change places in ten words, all over the text."""
    chance = random.Random(len(text))
    for at in chance.sample([match.start() for match in re.finditer(r"\b[a-z]{4}", text)], 10):
        text = text[: at + 1] + text[at + 2] + text[at + 1] + text[at + 3 :]
    return text


def _paragraph(text: str, near: int) -> tuple[int, int]:
    start = text.find("\n\n", near) + 2
    end = text.find("\n\n", start + 40) + 2
    return (start, end) if 2 <= start < end else (near, near + 400)


EDITS: dict[str, Callable[[str], str]] = {
    "sentence near the top": insert_sentence,
    "paragraph deleted": delete_paragraph,
    "paragraph moved": move_paragraph,
    "heading renamed": rename_heading,
    "ten typos": scatter_typos,
}


def ours(one: Text, text: str, *, embed_headings: bool) -> list[str]:
    chunks = chunk(
        text,
        tokenizer=tokenizer("cl100k_base"),
        max_tokens=LIMIT,
        syntax=one.syntax,
        embed_headings=embed_headings,
    )
    return [each.embedded_text for each in chunks]


def again(before: list[str], after: list[str]) -> int:
    """The chunks after an edit whose text was not embedded before."""
    known = set(before)
    return sum(each not in known for each in after)


def tables() -> Iterator[Table]:
    documents = texts.for_edits()
    if not documents:
        print(f"No documentation was found: install {texts.PACKAGES}.")
        return
    splitters: dict[str, Callable[[Text, str], list[str]]] = {
        "ours": lambda one, text: ours(one, text, embed_headings=True),
        "ours, headings not embedded": lambda one, text: ours(one, text, embed_headings=False),
    }
    for name, peer in peers.peers(LIMIT).items():
        splitters[name] = lambda _one, text, peer=peer: peer(text)  # type: ignore[misc]
    rows = [(name, *_row(documents, split)) for name, split in splitters.items()]
    size = f"{len(documents)} documents, {texts.megabytes(documents):.1f} MB, limit {LIMIT} tokens"
    title = f"Chunks to embed again after an edit, mean (95th percentile, 99th): {size}"
    yield Table(title, ("", "mean tokens", *EDITS), rows)


def _row(documents: list[Text], split: Callable[[Text, str], list[str]]) -> Iterator[str]:
    before = [split(one, one.text) for one in documents]
    yield f"{mean(tokenizer('cl100k_base').count(passage) for passages in before for passage in passages):.0f}"
    for edit in EDITS.values():
        changed = sorted(
            again(chunks, split(one, edit(one.text)))
            for one, chunks in zip(documents, before, strict=True)
            if edit(one.text) != one.text
        )
        at = len(changed) - 1
        yield f"{mean(changed):.3f} ({changed[int(0.95 * at)]}, {changed[int(0.99 * at)]})"


if __name__ == "__main__":
    show(tables())
